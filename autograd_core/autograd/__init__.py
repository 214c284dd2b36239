from ..backward import backward, grad
from ..gradcheck import GradcheckError, gradcheck, gradgradcheck
