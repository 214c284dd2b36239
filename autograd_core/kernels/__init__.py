"""Numerical routines that array libraries lack."""
