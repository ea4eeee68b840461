// What the parts of the simulator share. See README.md.
#pragma once
#include <cuda.h>
#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

// ---- Errors (driver.cpp) ----
CUresult fail(CUresult code, const std::string &message);   // remembers why, and says it on stderr
CUresult break_context(CUresult code, const std::string &message);  // the same, and for good
CUresult context_state();                                   // CUDA_SUCCESS, or what broke it

// ---- Memory (memory.cpp): every allocation ends where nothing may be touched ----
enum class Kind { device, pinned };
void *allocate(size_t bytes, Kind kind);       // nullptr when there is no more
CUresult release(uintptr_t address);
bool on_device(uintptr_t address, size_t bytes);  // inside one device allocation
bool is_pinned(uintptr_t address, size_t bytes);  // inside one page-locked host allocation
bool allocation_of(uintptr_t address, uintptr_t *base, size_t *bytes);
std::string spoiled_allocation();              // says where somebody wrote past an end, else ""
size_t device_bytes_in_use();
constexpr size_t DEVICE_BYTES = size_t(4) << 30;

// ---- Kernels (fibers.cpp) ----
struct Kernel {
    std::string name;
    void (*run)(void **arguments);
    std::vector<size_t> sizes, offsets;  // of the arguments, in bytes
    size_t argument_bytes;
    char *shared_from, *shared_to;       // the module's static shared memory
};
CUresult run_kernel(const Kernel &kernel, dim3 blocks, dim3 threads, std::vector<char> arguments);

// ---- Streams (streams.cpp) ----
using Work = std::function<CUresult()>;
CUresult enqueue(CUstream stream, Work work);
CUresult finish_all();
