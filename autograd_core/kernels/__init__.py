"""Numerical routines that array libraries lack, and faster versions of single ops."""
