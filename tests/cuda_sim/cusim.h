// CUDA C++ on a CPU: what a .cu file sees instead of nvcc's own language.
//
// g++ compiles the unchanged kernel after this header, with NVIDIA's real vector types and half
// precision. A CUDA thread becomes a fiber of one CPU thread; it gives way at barriers and warp
// operations only. Only what this project's kernels use is here: anything else does not compile.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

// NVIDIA's headers bring host definitions of these words; ours are needed before and after them.
#define __shared__ static __attribute__((section("cusim_shared")))
#include <vector_functions.h>
#include <vector_types.h>
#include <cuda_fp16.h>
#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __launch_bounds__
#undef __align__
#undef __forceinline__
#define __global__
#define __device__
#define __host__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline __attribute__((always_inline))
// One block's shared memory lives here while its threads run; the simulator swaps it with them.
#define __shared__ static __attribute__((section("cusim_shared")))

struct CusimThread {  // of the fiber that runs now
    uint3 thread, block;
    dim3 threads, blocks;
    unsigned lane;
};

extern "C" {  // the simulator's half, in fibers.cpp
extern CusimThread *cusim_now;
void cusim_barrier(int site);
uint64_t cusim_exchange(unsigned mask, uint64_t value, int source);  // the value of lane `source`
unsigned cusim_ballot(unsigned mask, int vote);
}

#define threadIdx (cusim_now->thread)
#define blockIdx (cusim_now->block)
#define blockDim (cusim_now->threads)
#define gridDim (cusim_now->blocks)
#define __syncthreads() cusim_barrier(__COUNTER__)

using std::max;
using std::min;

template <class T>
T cusim_exchanged(unsigned mask, T value, int source) {
    uint64_t bits = 0;
    static_assert(sizeof(T) <= sizeof(bits), "shuffles take at most eight bytes");
    memcpy(&bits, &value, sizeof(T));
    bits = cusim_exchange(mask, bits, source);
    memcpy(&value, &bits, sizeof(T));
    return value;
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source) {
    return cusim_exchanged(mask, value, source & 31);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int bits) {
    return cusim_exchanged(mask, value, int(cusim_now->lane) ^ bits);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by) {
    const unsigned source = cusim_now->lane + by;
    return cusim_exchanged(mask, value, int(source < 32 ? source : cusim_now->lane));
}
inline void __syncwarp(unsigned mask = 0xffffffffu) { cusim_ballot(mask, 0); }
inline unsigned __ballot_sync(unsigned mask, int vote) { return cusim_ballot(mask, vote); }
inline int __any_sync(unsigned mask, int vote) { return cusim_ballot(mask, vote) != 0; }
inline int __all_sync(unsigned mask, int vote) { return cusim_ballot(mask, !vote) == 0; }

// Fibers give way nowhere else, so plain reads and writes are atomic, and seen by all at once.
inline unsigned atomicInc(unsigned *where, unsigned limit) {
    const unsigned old = *where;
    *where = old >= limit ? 0 : old + 1;
    return old;
}
template <class T>
T atomicAdd(T *where, T value) {
    const T old = *where;
    *where = old + value;
    return old;
}
inline void __threadfence() {}
template <class T>
T __ldcg(const T *where) { return *where; }

// ---- Entry points: a launch hands over an array of pointers to the arguments ----

template <class... Arguments, size_t... I>
void cusim_call(void (*kernel)(Arguments...), void **arguments, std::index_sequence<I...>) {
    kernel(*reinterpret_cast<std::remove_reference_t<Arguments> *>(arguments[I])...);
}
template <class... Arguments>
void cusim_call(void (*kernel)(Arguments...), void **arguments) {
    cusim_call(kernel, arguments, std::index_sequence_for<Arguments...>{});
}
template <class... Arguments>  // writes size and alignment of each argument, returns their number
unsigned cusim_layout(void (*)(Arguments...), unsigned *out) {
    unsigned parts[] = {unsigned(sizeof(Arguments))..., 0}, aligned[] = {unsigned(alignof(Arguments))..., 0};
    for (size_t i = 0; i < sizeof...(Arguments); ++i) out[2 * i] = parts[i], out[2 * i + 1] = aligned[i];
    return sizeof...(Arguments);
}

#define CUSIM_EXPORT extern "C" __attribute__((visibility("default")))
extern "C" char __start_cusim_shared[] __attribute__((weak)), __stop_cusim_shared[] __attribute__((weak));
#define CUSIM_KERNEL(name)                                                        \
    CUSIM_EXPORT void cusim_run_##name(void **a) { cusim_call(&name, a); }        \
    CUSIM_EXPORT unsigned cusim_arguments_##name(unsigned *o) { return cusim_layout(&name, o); }
#define CUSIM_MODULE                                                              \
    CUSIM_EXPORT void cusim_shared_memory(char **from, char **to) {               \
        *from = __start_cusim_shared, *to = __stop_cusim_shared;                  \
    }
