"""autograd_core."""
from .tensor import Tensor
from ._methods import *
from . import autograd
from .config import *
