"""Programs as they are written for HIPS autograd: each takes its namespace and its ``grad``, and returns arrays and numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

Grad = Callable[..., Callable[..., Any]]


def derivatives_of_tanh(np: Any, grad: Grad) -> Any:
    """Derivatives of a function of a number, one from the other."""
    def tanh(x: Any) -> Any:
        return (1.0 - np.exp(-2 * x)) / (1.0 + np.exp(-2 * x))

    found, function = [], tanh
    for _ in range(4):
        found.append(function(0.7))
        function = grad(function)
    return found


def logistic_regression(np: Any, grad: Grad) -> Any:
    """Gradient descent on the likelihood of labels."""
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2.49, 1.39]])
    targets = np.array([True, True, False, True])

    def loss(weights: Any) -> Any:
        predictions = 0.5 * (np.tanh(np.dot(inputs, weights) / 2.0) + 1)
        likelihoods = predictions * targets + (1 - predictions) * (1 - targets)
        return -np.sum(np.log(likelihoods))

    weights = np.array([0.0, 0.0, 0.0])
    for _ in range(50):
        weights -= grad(loss)(weights) * 0.01
    return weights, loss(weights)


def network_of_layers(np: Any, grad: Grad) -> Any:
    """A network whose parameters are a list of pairs, trained by gradients in the same structure."""
    stream = np.random.RandomState(0)
    sizes = [2, 5, 4, 3]
    parameters = [(stream.randn(n, m) * 0.5, stream.randn(m) * 0.1) for n, m in itertools.pairwise(sizes)]
    inputs = stream.randn(6, 2)
    labels = np.eye(3)[np.array([0, 1, 2, 0, 1, 2])]

    def scores(parameters: Any, inputs: Any) -> Any:
        for weights, bias in parameters:
            outputs = np.dot(inputs, weights) + bias
            inputs = np.tanh(outputs)
        largest = np.max(outputs, axis=1, keepdims=True)
        return outputs - largest - np.log(np.sum(np.exp(outputs - largest), axis=1, keepdims=True))

    def objective(parameters: Any, step: int) -> Any:
        penalty = np.sum(np.array([np.sum(w**2) + np.sum(b**2) for w, b in parameters]))
        return -np.sum(scores(parameters, inputs) * labels) / len(inputs) + 0.01 * penalty

    for step in range(10):
        gradient = grad(objective)(parameters, step)
        parameters = [(w - 0.5 * dw, b - 0.5 * db) for (w, b), (dw, db) in zip(parameters, gradient, strict=True)]
    return [np.sum(w * w) for w, _ in parameters], objective(parameters, 0)


def rosenbrock(np: Any, grad: Grad) -> Any:
    """Gradient and Hessian by hand of a function of several numbers."""
    def function(x: Any) -> Any:
        return sum(100.0 * (x[1:] - x[:-1] ** 2.0) ** 2.0 + (1 - x[:-1]) ** 2.0)

    x = np.array([1.3, 0.7, 0.8, 1.9])
    slope = grad(function)
    rows = [grad(lambda x, i=i: slope(x)[i])(x) for i in range(4)]
    return function(x), slope(x), rows


def gaussian_mixture(np: Any, grad: Grad) -> Any:
    """The log likelihood of a mixture, its parameters in one vector, with Cholesky factors of the precisions."""
    stream = np.random.RandomState(1)
    data = stream.randn(7, 2)
    start = stream.randn(2 * (1 + 2 + 4))

    def logsumexp(x: Any, axis: int) -> Any:
        largest = np.max(x, axis=axis, keepdims=True)
        return np.squeeze(largest, axis) + np.log(np.sum(np.exp(x - largest), axis=axis))

    def objective(flat: Any) -> Any:
        weights, means, roots = flat[:2], np.reshape(flat[2:6], (2, 2)), np.reshape(flat[6:], (2, 2, 2))
        shares = weights - logsumexp(weights, 0)
        parts = []
        for share, mean, root in zip(shares, means, roots, strict=True):
            covariance = np.dot(root, root.T) + 0.5 * np.eye(2)
            centred = data - mean
            form = np.sum(centred * np.linalg.solve(covariance, centred.T).T, axis=1)
            parts.append(share - 0.5 * form - 0.5 * np.linalg.slogdet(covariance)[1] - np.log(2 * np.pi))
        return -np.sum(logsumexp(np.vstack(parts), axis=0))

    return objective(start), grad(objective)(start)


def gaussian_process(np: Any, grad: Grad) -> Any:
    """The marginal likelihood of a Gaussian process in its hyperparameters, by a Cholesky factor."""
    inputs = np.linspace(-2.0, 2.0, 6)[:, None]
    targets = np.sin(inputs[:, 0] * 2)

    def objective(parameters: Any) -> Any:
        scale, length, noise = np.exp(parameters[0]), np.exp(parameters[1]), np.exp(parameters[2])
        differences = np.expand_dims(inputs / length, 1) - np.expand_dims(inputs / length, 0)
        covariance = scale * np.exp(-0.5 * np.sum(differences**2, axis=2)) + noise * np.eye(len(inputs))
        root = np.linalg.cholesky(covariance)
        whitened = np.linalg.solve(root, targets)
        return 0.5 * np.dot(whitened, whitened) + np.sum(np.log(np.diag(root))) + 3 * np.log(2 * np.pi)

    point = np.array([0.1, -0.2, -1.5])
    return objective(point), grad(objective)(point)


def recurrent_network(np: Any, grad: Grad) -> Any:
    """A recurrent network unrolled over a sequence, its parameters in a dict."""
    stream = np.random.RandomState(2)
    sequence = stream.randn(5, 2, 3)
    parameters = {"start": stream.randn(1, 4), "change": stream.randn(3 + 4 + 1, 4) * 0.3, "predict": stream.randn(5, 2)}

    def with_ones(*parts: Any) -> Any:
        return np.hstack([*parts, np.ones((parts[0].shape[0], 1))])

    def objective(parameters: Any) -> Any:
        hidden = np.repeat(parameters["start"], sequence.shape[1], axis=0)
        total = 0.0
        for inputs in sequence:
            hidden = np.tanh(np.dot(with_ones(inputs, hidden), parameters["change"]))
            total = total + np.mean((np.dot(with_ones(hidden), parameters["predict"]) - inputs[:, :2]) ** 2)
        return total

    gradient = grad(objective)(parameters)
    return objective(parameters), [gradient[name] for name in ("start", "change", "predict")]


def fluid(np: Any, grad: Grad) -> Any:
    """Diffusion and advection on a torus of cells, and the gradient of the last picture with respect to the first velocities."""
    stream = np.random.RandomState(3)
    smoke, target = stream.rand(6, 6), stream.rand(6, 6)

    def advect(field: Any, vx: Any, vy: Any) -> Any:
        rows, columns = field.shape
        xs, ys = np.meshgrid(np.arange(rows), np.arange(columns))
        centre_x, centre_y = (xs - vx).ravel(), (ys - vy).ravel()
        left, top = np.floor(centre_x).astype(int), np.floor(centre_y).astype(int)
        rw, bw = centre_x - left, centre_y - top
        left, right, top, bottom = np.mod(left, rows), np.mod(left + 1, rows), np.mod(top, columns), np.mod(top + 1, columns)
        flat = (1 - rw) * ((1 - bw) * field[left, top] + bw * field[left, bottom]) + rw * ((1 - bw) * field[right, top] + bw * field[right, bottom])
        return np.reshape(flat, (rows, columns))

    def smooth(field: Any) -> Any:
        return (field + 0.2 * (np.roll(field, 1, axis=0) + np.roll(field, -1, axis=0) + np.roll(field, 1, axis=1) + np.roll(field, -1, axis=1))) / 1.8

    def objective(velocities: Any) -> Any:
        vx, vy = np.reshape(velocities, (2, 6, 6))
        field = smoke
        for _ in range(3):
            vx, vy = smooth(advect(vx, vx, vy)), smooth(advect(vy, vx, vy))
            field = advect(field, vx, vy)
        return np.mean((target - field) ** 2)

    start = 0.3 * stream.randn(72)
    return objective(start), grad(objective)(start)


def waves(np: Any, grad: Grad) -> Any:
    """A spectrum's power in the parameters of a signal: complex numbers inside, real ones outside."""
    times = np.arange(16) / 16.0

    def objective(parameters: Any) -> Any:
        signal = parameters[0] * np.sin(2 * np.pi * parameters[1] * times) + np.where(times > 0.5, parameters[2] * np.ones(16), 0.0)
        spectrum = np.fft.fft(signal)
        return np.sum(np.abs(spectrum[1:5]) ** 2) + np.real(spectrum[0]) * np.imag(spectrum[3])

    point = np.array([0.8, 2.3, 0.4])
    return objective(point), grad(objective)(point)


def decompositions(np: Any, grad: Grad) -> Any:
    """Functions of matrices that their eigenvalues, singular values and inverses give."""
    stream = np.random.RandomState(4)
    matrix = stream.randn(4, 4)

    def objective(a: Any) -> Any:
        symmetric = np.dot(a, a.T) + np.eye(4)
        values, vectors = np.linalg.eigh(symmetric)
        middle = np.einsum("ij,j,kj->ik", vectors, np.log(values), vectors)
        return np.trace(middle) + np.sum(np.linalg.svd(a, compute_uv=False) ** 3) + np.linalg.det(symmetric) + np.linalg.norm(np.linalg.inv(symmetric))

    return objective(matrix), grad(objective)(matrix)


PROGRAMS = [derivatives_of_tanh, logistic_regression, network_of_layers, rosenbrock, gaussian_mixture, gaussian_process, recurrent_network, fluid, waves, decompositions]
