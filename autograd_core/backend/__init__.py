"""Array libraries: NumPy for ``cpu``, CuPy for ``cuda``. No other package imports either to compute."""
