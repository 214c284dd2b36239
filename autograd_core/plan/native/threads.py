"""How many threads loops in machine code may take, and the pool of threads that they share.

One pool serves all plans of a process. Its threads sleep until a loop has parts to run; who started the loop works along, and
waits only for threads that have taken a part. While one plan uses the pool, another that runs at the same time does its
parts alone. A forked process begins without threads and makes its own.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

from .functions import SHARED
from .products import set_blas_threads
from .toolchain import ToolchainError, compile_c

MOST = 256
"""Threads at most."""

TEXT = """
#include <pthread.h>
#include <signal.h>
typedef void (*part_function)(void *context, long part);
static pthread_mutex_t lock; static pthread_cond_t wake, done;
static long workers, seats, working, generation, threads = 1, parts, next; static int busy;
static part_function function; static void *context;
static void run(void) { for (long part; (part = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED)) < parts;) function(context, part); }
static void *work(void *nothing) {
FLUSH
long seen = 0;
pthread_mutex_lock(&lock);
for (;;) {
while (seen == generation || !seats) pthread_cond_wait(&wake, &lock);
seen = generation; seats--; working++;
pthread_mutex_unlock(&lock); run(); pthread_mutex_lock(&lock);
if (!--working) pthread_cond_signal(&done); }
RESTORE return 0; }
static void begin(void) {
workers = seats = working = 0; busy = 0;
pthread_mutex_init(&lock, 0); pthread_cond_init(&wake, 0); pthread_cond_init(&done, 0); }
static int failed;
static void first(void) { begin(); failed = pthread_atfork(0, 0, begin); }
int start(void) { static pthread_once_t once = PTHREAD_ONCE_INIT; pthread_once(&once, first); return failed; }
void set_threads(long n) { __atomic_store_n(&threads, n, __ATOMIC_RELAXED); }
static void hire(long n) {
sigset_t all, before; sigfillset(&all); pthread_sigmask(SIG_BLOCK, &all, &before);
for (pthread_t thread; workers < n && !pthread_create(&thread, 0, work, 0); workers++) pthread_detach(thread);
pthread_sigmask(SIG_SETMASK, &before, 0); }
void each_part(part_function given, void *with, long count) {
long n = __atomic_load_n(&threads, __ATOMIC_RELAXED); n = n < count ? n : count;
if (n < 2 || __atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE)) { for (long part = 0; part < count; part++) given(with, part); return; }
pthread_mutex_lock(&lock);
if (workers < n - 1) hire(n - 1);
function = given; context = with; parts = count; next = 0; seats = n - 1; generation++;
pthread_cond_broadcast(&wake); pthread_mutex_unlock(&lock);
run();
pthread_mutex_lock(&lock);
seats = 0;
while (working) pthread_cond_wait(&done, &lock);
pthread_mutex_unlock(&lock);
__atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }
"""
"""Parts are taken one by one, by whoever is free. Signals are left to the threads of Python."""


def _default() -> int:
    """As many as OpenMP would take: ``$OMP_NUM_THREADS``, otherwise the processors that this process may run on."""
    named = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if named.isdecimal() and int(named) > 0:
        return min(int(named), MOST)
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()
    return min(allowed or 1, MOST)


_threads = _default()


def get_num_threads() -> int:
    """How many threads machine code, and a BLAS that was told, may take.

    Before :func:`set_num_threads` is called it is ``$OMP_NUM_THREADS``, or the number of processors.

    >>> import autograd_core as ag
    >>> ag.get_num_threads() >= 1
    True
    """
    return _threads


def set_num_threads(n: int) -> None:
    """Let long loops of compiled functions in machine code, and matrix products, take ``n`` threads, in the whole process.

    Loops give the same bits for any number; a BLAS need not. Products take as many as the BLAS that NumPy brings, or the one
    that ``$AUTOGRAD_CORE_BLAS`` names, can be told to: OpenBLAS and oneMKL can. Other libraries keep their own number.

    Raises ``RuntimeError`` unless ``n`` is an int and at least 1.

    >>> import autograd_core as ag
    >>> before = ag.get_num_threads()
    >>> ag.set_num_threads(1)
    >>> ag.get_num_threads()
    1
    >>> ag.set_num_threads(before)
    """
    global _threads
    if not isinstance(n, int) or isinstance(n, bool):
        raise RuntimeError(f"set_num_threads: expects an int, but got {type(n).__name__}")
    if n < 1:
        raise RuntimeError(f"set_num_threads: expects a positive integer, but got {n}; 1 means no threads besides the caller's")
    _threads = min(n, MOST)
    set_blas_threads(_threads)
    if _library.cache_info().currsize and (library := _library()) is not None:
        library.set_threads(_threads)


def pool() -> int:
    """The address of the C function that runs parts on threads; 0 where there is none (Windows, or no POSIX threads): then parts run in turn."""
    library = _library()
    if library is None:
        return 0
    library.set_threads(_threads)
    return ctypes.cast(library.each_part, ctypes.c_void_p).value or 0


@cache
def _library() -> Any:
    if sys.platform == "win32":
        return None
    try:
        library = compile_c(SHARED + TEXT)
    except ToolchainError:
        return None
    library.set_threads.argtypes, library.set_threads.restype = [ctypes.c_long], None
    return library if library.start() == 0 else None
