from ..backward import backward, grad
