"""exp, log, tanh and their like as C that a compiler can turn into vector instructions: no branches, no tables, no calls.

The polynomials approximate what is named beside them with the least weighted error on their interval (fitted in sixty
digits). ``BOUNDS`` states the largest error of each function in units in the last place, over all of its domain where
the result is a normal number; tests hold them to it. Special values are those of NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass

BOUNDS = {"exp": 1.5, "expm1": 2.0, "log": 1.0, "log1p": 2.0, "tanh": 2.5, "erf": 3.0}
"""Name -> largest error in units in the last place, in float32 and float64."""


@dataclass(frozen=True)
class _Format:
    """What differs between float32 and float64."""

    real: str
    whole: str
    unsigned: str
    suffix: str
    """Of functions and numbers."""
    mantissa: int
    bias: int
    rounder: str
    """1.5 times 2 to the number of mantissa bits: added to a number it leaves the nearest integer in the lowest bits."""
    ln2_high: str
    """Few enough bits that every exponent times it is exact."""
    ln2_low: str
    half_root: str
    """The bits of the square root of a half."""
    lowest: str
    highest: str
    """Beyond these the exponential is 0, or smaller than a normal number, or infinite."""
    largest_tanh: str
    """From here on tanh rounds to 1."""
    tiny: str
    exponential: tuple[float, ...]
    """(exp(r) - 1 - r) / r² for abs(r) up to half of log 2."""
    logarithm: tuple[float, ...]
    """(log((1 + s) / (1 - s)) - 2 s) / s³ in s², for s that reach the square root of two."""
    error_small: tuple[float, ...]
    """erf(x) / x in x², up to 1."""
    error_large: tuple[float, ...]
    """log(1 - erf(x)), from 1 to where erf rounds to 1."""
    error_end: str


SINGLE = _Format(
    "float", "int32_t", "uint32_t", "f", 23, 127, "12582912.0f", "0.693145751953125f", "1.428606765330187e-06f", "0x3f3504f3",
    "-87.33654022216797f", "88.72283172607422f", "10.0f", "1.17549435e-38f",
    (0.5000000078925345, 0.16666666823872336, 0.04166626758248936, 0.008333272441017782, 0.0013946201760527013, 0.00019914134040462174),
    (0.6666666564367812, 0.4000033556051351, 0.28537285889527153, 0.23582575899913058),
    (1.1283791670631487, -0.3761263848371501, 0.1128378274568931, -0.026865445730370856, 0.005221074617189189, -0.0008484707612647748, 0.00011270516528906999,
     -9.68005636282835e-06),
    (0.00018809251526944332, -1.12957866547227, -0.6332194264126323, -0.10841906802365639, 0.02520855947490104, -0.004204671444753903, 0.00044135791541521213,
     -2.16886236810372e-05), "4.0f")
DOUBLE = _Format(
    "double", "int64_t", "uint64_t", "", 52, 1023, "6755399441055744.0", "0.6931471803691238", "1.9082149292705877e-10", "0x3fe6a09e667f3bcd",
    "-708.3964185322641", "709.782712893384", "20.0",
    "2.2250738585072014e-308",
    (0.5, 0.16666666666666685, 0.04166666666666673, 0.00833333333331673, 0.0013888888888858603, 0.0001984126989707578, 2.4801587373433293e-05, 2.7557234222265214e-06,
     2.7557233612719187e-07, 2.511224431201511e-08, 2.0926867813381126e-09),
    (0.6666666666666734, 0.3999999999941373, 0.28571428742605015, 0.2222219854995221, 0.18183565585405773, 0.1531401696791764, 0.14796299496950077),
    (1.1283791670955126, -0.37612638903183754, 0.1128379167095512, -0.026866170645129868, 0.005223977625423607, -0.0008548327021955822, 0.00012055332903804262,
     -1.4925647594268113e-05, 1.6462045976215137e-06, -1.6364649494990727e-07, 1.4792469147694255e-08, -1.216496579240834e-09, 8.710455967729424e-11,
     -4.233115760107612e-12),
    (2.6684785134204778e-08, -1.1283795077801748, -0.6366177158037557, -0.10278041340698463, 0.01914938852256736, 0.00016702401421155928, -0.0016299949252492434,
     0.0005071045714177859, 5.85229467384237e-05, -0.0001346350034120641, 7.744146764593674e-05, -2.9776336918338153e-05, 8.722771846165258e-06, -2.023142196247588e-06,
     3.747597999611326e-07, -5.505431624755499e-08, 6.2884457909024505e-09, -5.391285958990829e-10, 3.265254658181085e-11, -1.2455049398049643e-12,
     2.249317894289059e-14), "6.0")

SHARED = """
#include <stdint.h>
#include <math.h>
#define INLINE static inline __attribute__((always_inline))
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__aarch64__)
#define FMA_f(a, b, c) __builtin_fmaf(a, b, c)
#define FMA_(a, b, c) __builtin_fma(a, b, c)
#else
#define FMA_f(a, b, c) ((a) * (b) + (c))
#define FMA_(a, b, c) ((a) * (b) + (c))
#endif
#if defined(__SSE2__)
#define FLUSH const unsigned state = __builtin_ia32_stmxcsr(); __builtin_ia32_ldmxcsr(state | 0x8000u);
#define RESTORE __builtin_ia32_ldmxcsr(state);
#elif defined(__aarch64__)
#define FLUSH uint64_t state; __asm__ volatile("mrs %0, fpcr" : "=r"(state)); __asm__ volatile("msr fpcr, %0" : : "r"(state | (1UL << 24)));
#define RESTORE __asm__ volatile("msr fpcr, %0" : : "r"(state));
#else
#define FLUSH
#define RESTORE
#endif
INLINE int32_t bits_f(float x) { int32_t i; __builtin_memcpy(&i, &x, 4); return i; }
INLINE float real_f(int32_t i) { float x; __builtin_memcpy(&x, &i, 4); return x; }
INLINE int64_t bits_(double x) { int64_t i; __builtin_memcpy(&i, &x, 8); return i; }
INLINE double real_(int64_t i) { double x; __builtin_memcpy(&x, &i, 8); return x; }
"""
"""What every text begins with. Results too small for a normal number are 0 between ``FLUSH`` and ``RESTORE``: processors take a hundred times as long
for the others, which momentum of units that never fire is full of."""

_TEMPLATE = """
INLINE REAL ag_exp@(REAL x) {
    REAL whole = FMA@(x, 1.4426950408889634#, ROUNDER);
    REAL n = whole - ROUNDER;
    REAL r = FMA@(n, -LN2LOW, FMA@(n, -LN2HIGH, x));
    REAL p = FMA@(r * r, EXPONENTIAL, r) + 1.0#;
    REAL y = real@((WHOLE)((UNSIGNED)bits@(p) + ((UNSIGNED)bits@(whole) << MANTISSA)));
    y = x <= HIGHEST ? y : x + (REAL)INFINITY;
    return x < LOWEST ? 0.0# : y;
}
INLINE REAL ag_expm1@(REAL x) {
    REAL c = x < LOWEST ? LOWEST : x;
    REAL n = FMA@(c, 1.4426950408889634#, ROUNDER) - ROUNDER;
    REAL r = FMA@(n, -LN2LOW, FMA@(n, -LN2HIGH, c));
    REAL p = FMA@(r * r, EXPONENTIAL, r);
    n = n < -MANTISSA - 3.0# ? -MANTISSA - 3.0# : n;
    REAL half = n - 1.0# + ROUNDER;
    REAL scale = real@((WHOLE)((UNSIGNED)(bits@(half) + BIAS) << MANTISSA));
    REAL y = 2.0# * FMA@(scale, p, scale - 0.5#);
    y = n == 0.0# ? p : y;
    y = x <= HIGHEST ? y : x + (REAL)INFINITY;
    return x == 0.0# ? x : y;
}
INLINE REAL ag_tanh@(REAL x) {
    REAL a = __builtin_fabs#(x);
    a = a > LARGEST ? LARGEST : a;
    REAL c = 2.0# * a;
    REAL whole = FMA@(c, 1.4426950408889634#, ROUNDER);
    REAL n = whole - ROUNDER;
    REAL r = FMA@(n, -LN2LOW, FMA@(n, -LN2HIGH, c));
    REAL p = FMA@(r * r, EXPONENTIAL, r);
    REAL scale = real@((WHOLE)((UNSIGNED)(bits@(whole) + BIAS) << MANTISSA));
    REAL e = FMA@(scale, p, scale - 1.0#);
    return __builtin_copysign#(e / (e + 2.0#), x);
}
INLINE REAL ag_log@(REAL x) {
    int small = x < TINY;
    REAL y = small ? x * (REAL)((UNSIGNED)1 << (MANTISSA + 2)) : x;
    WHOLE i = bits@(y) - HALFROOT;
    UNSIGNED e = ((UNSIGNED)i + ((UNSIGNED)(2 * BIAS + 2) << MANTISSA) / 2) >> MANTISSA;
    REAL n = real@((WHOLE)e | bits@((REAL)((UNSIGNED)1 << MANTISSA))) - ((REAL)((UNSIGNED)1 << MANTISSA) + (BIAS + 1));
    n = small ? n - (MANTISSA + 2) : n;
    REAL f = real@((i & (((WHOLE)1 << MANTISSA) - 1)) + HALFROOT) - 1.0#;
    REAL s = f / (2.0# + f), z = s * s, h = 0.5# * f * f;
    REAL y1 = FMA@(n, LN2HIGH, f - (h - FMA@(s, h + z * LOGARITHM, n * LN2LOW)));
    y1 = x == (REAL)INFINITY ? x : y1;
    y1 = x == 0.0# ? -(REAL)INFINITY : y1;
    return x < 0.0# || x != x ? (REAL)NAN : y1;
}
INLINE REAL ag_log1p@(REAL x) {
    REAL u = 1.0# + x;
    REAL y = ag_log@(u) + (x - (u - 1.0#)) / u;
    y = u == (REAL)INFINITY ? u : y;
    y = u == 0.0# ? -(REAL)INFINITY : y;
    return x == 0.0# ? x : y;
}
INLINE REAL ag_erf@(REAL x) {
    REAL a = __builtin_fabs#(x);
    REAL z = a * a, c = a > END ? END : a;
    REAL low = ERRORSMALL * a;
    REAL high = 1.0# - ag_exp@(ERRORLARGE);
    REAL y = a < 1.0# ? low : high;
    return __builtin_copysign#(x != x ? x : y, x);
}
"""


def _polynomial(coefficients: tuple[float, ...], variable: str, form: _Format) -> str:
    """Horner's rule as one expression."""
    text = f"{coefficients[-1]!r}{form.suffix}"
    for c in reversed(coefficients[:-1]):
        text = f"FMA@({text}, {variable}, {c!r}{form.suffix})"
    return text


def _written(form: _Format) -> str:
    words = {
        "EXPONENTIAL": _polynomial(form.exponential, "r", form), "LOGARITHM": _polynomial(form.logarithm, "z", form),
        "ERRORSMALL": _polynomial(form.error_small, "z", form), "ERRORLARGE": _polynomial(form.error_large, "c", form),
        "REAL": form.real, "WHOLE": form.whole, "UNSIGNED": form.unsigned, "MANTISSA": str(form.mantissa), "BIAS": str(form.bias), "ROUNDER": form.rounder,
        "LN2HIGH": form.ln2_high, "LN2LOW": form.ln2_low, "HALFROOT": form.half_root, "LOWEST": form.lowest, "HIGHEST": form.highest, "LARGEST": form.largest_tanh,
        "TINY": form.tiny, "END": form.error_end,
    }
    text = _TEMPLATE
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text.replace("@", f"_{form.suffix}").replace("#", form.suffix)


def mathematics() -> str:
    """The C text: ``ag_exp_f`` for float, ``ag_exp_`` for double, and so on for every name in ``BOUNDS``."""
    return _written(SINGLE) + _written(DOUBLE)
