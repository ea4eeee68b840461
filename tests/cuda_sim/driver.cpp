// The CUDA driver's functions that PyCUDA calls, as libcuda.so.1. Signatures come from NVIDIA's
// cuda.h, so the compiler checks them. What is missing here answers CUDA_ERROR_NOT_SUPPORTED.
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "sim.h"

namespace {
std::string last_message;
CUresult broken = CUDA_SUCCESS;
thread_local std::vector<CUcontext> current;  // contexts are current in a thread, not the process
int retained = 0;
int primary_context;                          // its address stands for the context

struct Module {
    void *library;
    char *shared_from = nullptr, *shared_to = nullptr;
};

CUresult usable() {
    if (broken) return broken;
    if (current.empty()) return fail(CUDA_ERROR_INVALID_CONTEXT, "no context is current in this thread");
    return CUDA_SUCCESS;
}

CUresult copy(uintptr_t to, uintptr_t from, size_t bytes, bool to_device, bool from_device) {
    if (bytes && to_device && !on_device(to, bytes))
        return fail(CUDA_ERROR_INVALID_VALUE, "copy to outside a device allocation");
    if (bytes && from_device && !on_device(from, bytes))
        return fail(CUDA_ERROR_INVALID_VALUE, "copy from outside a device allocation");
    memmove(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes);
    return CUDA_SUCCESS;
}

template <class Word>
CUresult set(CUdeviceptr to, Word word, size_t count, CUstream stream) {
    return enqueue(stream, [=] {
        if (!on_device(to, count * sizeof word))
            return fail(CUDA_ERROR_INVALID_VALUE, "memset outside a device allocation");
        for (size_t i = 0; i < count; ++i) reinterpret_cast<Word *>(to)[i] = word;
        return CUDA_SUCCESS;
    });
}
}  // namespace

CUresult fail(CUresult code, const std::string &message) {
    last_message = message;
    fprintf(stderr, "cuda_sim: %s\n", message.c_str());
    return code;
}
CUresult break_context(CUresult code, const std::string &message) { return broken = fail(code, message); }
CUresult context_state() { return broken; }

#define USABLE if (CUresult error = usable()) return error
extern "C" {
#define API __attribute__((visibility("default"))) CUresult CUDAAPI

API cuInit(unsigned) { return CUDA_SUCCESS; }
API cuDriverGetVersion(int *v) { return *v = CUDA_VERSION, CUDA_SUCCESS; }
API cuGetErrorString(CUresult code, const char **text) {
    static std::string message;
    message = "error " + std::to_string(int(code)) + " (" + last_message + ")";
    return *text = message.c_str(), CUDA_SUCCESS;
}

// ---- Device and context ----
API cuDeviceGetCount(int *n) { return *n = 1, CUDA_SUCCESS; }
API cuDeviceGet(CUdevice *device, int index) {
    return *device = 0, index == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}
API cuDeviceGetName(char *name, int bytes, CUdevice) {
    return snprintf(name, size_t(bytes), "CPU simulator (not a GPU)"), CUDA_SUCCESS;
}
API cuDeviceComputeCapability(int *major, int *minor, CUdevice) { return *major = 8, *minor = 7, CUDA_SUCCESS; }
API cuDeviceTotalMem(size_t *bytes, CUdevice) { return *bytes = DEVICE_BYTES, CUDA_SUCCESS; }
API cuDeviceGetAttribute(int *value, CUdevice_attribute which, CUdevice) {
    *value = which == CU_DEVICE_ATTRIBUTE_WARP_SIZE               ? 32
             : which == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT  ? 1
             : which == CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024
                                                                  : 0;
    return CUDA_SUCCESS;
}
API cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice) {
    return ++retained, *context = reinterpret_cast<CUcontext>(&primary_context), CUDA_SUCCESS;
}
API cuDevicePrimaryCtxRelease(CUdevice) {
    return retained-- > 0 ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_CONTEXT, "released too often");
}
API cuCtxPushCurrent(CUcontext context) { return current.push_back(context), broken; }
API cuCtxPopCurrent(CUcontext *context) {  // "may also return error codes from previous launches"
    if (broken) return broken;
    if (current.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (context) *context = current.back();
    return current.pop_back(), CUDA_SUCCESS;
}
API cuCtxGetCurrent(CUcontext *context) {
    return *context = current.empty() ? nullptr : current.back(), CUDA_SUCCESS;
}
API cuCtxSetCurrent(CUcontext context) {
    if (!current.empty()) current.pop_back();
    return current.push_back(context), CUDA_SUCCESS;
}
API cuCtxGetDevice(CUdevice *device) {
    USABLE;
    return *device = 0, CUDA_SUCCESS;
}
API cuCtxGetApiVersion(CUcontext, unsigned *v) { return *v = CUDA_VERSION, CUDA_SUCCESS; }
API cuCtxSynchronize() {
    USABLE;
    return finish_all();
}

// ---- Memory ----
API cuMemGetInfo(size_t *unused, size_t *total) {
    USABLE;
    return *unused = DEVICE_BYTES - device_bytes_in_use(), *total = DEVICE_BYTES, CUDA_SUCCESS;
}
API cuMemAlloc(CUdeviceptr *out, size_t bytes) {
    USABLE;
    if (!bytes) return CUDA_ERROR_INVALID_VALUE;
    *out = CUdeviceptr(allocate(bytes, Kind::device));
    return *out ? CUDA_SUCCESS : fail(CUDA_ERROR_OUT_OF_MEMORY, "out of memory");
}
API cuMemFree(CUdeviceptr address) {
    USABLE;
    if (CUresult error = finish_all()) return error;
    return release(address);
}
API cuMemHostAlloc(void **out, size_t bytes, unsigned) {
    USABLE;
    *out = allocate(bytes, Kind::pinned);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}
API cuMemFreeHost(void *address) { return release(uintptr_t(address)); }
API cuMemGetAddressRange(CUdeviceptr *base, size_t *bytes, CUdeviceptr address) {
    uintptr_t start = 0;
    if (!allocation_of(address, &start, bytes)) return CUDA_ERROR_INVALID_VALUE;
    return *base = start, CUDA_SUCCESS;
}
API cuMemcpyHtoD(CUdeviceptr to, const void *from, size_t bytes) {
    USABLE;
    return enqueue(nullptr, [=] { return copy(to, uintptr_t(from), bytes, true, false); });
}
API cuMemcpyDtoH(void *to, CUdeviceptr from, size_t bytes) {
    USABLE;
    return enqueue(nullptr, [=] { return copy(uintptr_t(to), from, bytes, false, true); });
}
API cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
    USABLE;  // page-locked memory is read when the copy runs
    if (!is_pinned(uintptr_t(from), bytes))
        return fail(CUDA_ERROR_INVALID_VALUE, "asynchronous copy from pageable memory");
    return enqueue(stream, [=] { return copy(to, uintptr_t(from), bytes, true, false); });
}
API cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
    USABLE;
    if (!is_pinned(uintptr_t(to), bytes))
        return fail(CUDA_ERROR_INVALID_VALUE, "asynchronous copy to pageable memory");
    return enqueue(stream, [=] { return copy(uintptr_t(to), from, bytes, false, true); });
}
API cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    USABLE;
    return enqueue(stream, [=] { return copy(to, from, bytes, true, true); });
}
API cuMemsetD8(CUdeviceptr to, unsigned char word, size_t n) { return set(to, word, n, nullptr); }
API cuMemsetD32(CUdeviceptr to, unsigned word, size_t n) { return set(to, word, n, nullptr); }
API cuMemsetD8Async(CUdeviceptr to, unsigned char word, size_t n, CUstream s) { return set(to, word, n, s); }
API cuMemsetD32Async(CUdeviceptr to, unsigned word, size_t n, CUstream s) { return set(to, word, n, s); }

// ---- Modules and kernels ----
API cuModuleLoadDataEx(CUmodule *out, const void *image, unsigned, CUjit_option *, void **) {
    USABLE;
    const auto *header = static_cast<const Elf64_Ehdr *>(image);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_type != ET_DYN)
        return fail(CUDA_ERROR_NO_BINARY_FOR_GPU, "not code for the simulator; see simulator.compile");
    const size_t bytes = header->e_shoff + size_t(header->e_shentsize) * header->e_shnum;
    const int file = memfd_create("cuda_sim", 0);
    if (file < 0 || write(file, image, bytes) != ssize_t(bytes)) return CUDA_ERROR_OPERATING_SYSTEM;
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);  // the file stays open: dlopen
    // knows libraries by path, and the next one must not get this one's
    if (!library) return fail(CUDA_ERROR_INVALID_IMAGE, dlerror());
    auto *module = new Module{library};
    auto shared = reinterpret_cast<void (*)(char **, char **)>(dlsym(library, "cusim_shared_memory"));
    if (shared) shared(&module->shared_from, &module->shared_to);
    return *out = reinterpret_cast<CUmodule>(module), CUDA_SUCCESS;
}
API cuModuleLoadData(CUmodule *out, const void *image) { return cuModuleLoadDataEx(out, image, 0, nullptr, nullptr); }
API cuModuleUnload(CUmodule) { return CUDA_SUCCESS; }  // kernels may still be queued
API cuModuleGetFunction(CUfunction *out, CUmodule handle, const char *name) {
    USABLE;
    const Module *module = reinterpret_cast<Module *>(handle);
    void *run = dlsym(module->library, (std::string("cusim_run_") + name).c_str());
    void *describe = dlsym(module->library, (std::string("cusim_arguments_") + name).c_str());
    if (!run || !describe) return fail(CUDA_ERROR_NOT_FOUND, std::string("no kernel ") + name);
    unsigned layout[128];
    const unsigned count = reinterpret_cast<unsigned (*)(unsigned *)>(describe)(layout);
    auto *kernel = new Kernel{name, reinterpret_cast<void (*)(void **)>(run), {}, {}, 0,
                              module->shared_from, module->shared_to};
    for (unsigned i = 0; i < count; ++i) {
        const size_t size = layout[2 * i], alignment = layout[2 * i + 1];
        kernel->offsets.push_back((kernel->argument_bytes + alignment - 1) / alignment * alignment);
        kernel->sizes.push_back(size);
        kernel->argument_bytes = kernel->offsets.back() + size;
    }
    return *out = reinterpret_cast<CUfunction>(kernel), CUDA_SUCCESS;
}
API cuFuncSetBlockShape(CUfunction, int, int, int) { return CUDA_SUCCESS; }  // a launch says it again
API cuFuncGetAttribute(int *value, CUfunction_attribute which, CUfunction handle) {
    const Kernel *kernel = reinterpret_cast<Kernel *>(handle);
    *value = which == CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES ? int(kernel->shared_to - kernel->shared_from) : 0;
    return CUDA_SUCCESS;
}
API cuLaunchKernel(CUfunction handle, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned dynamic, CUstream stream, void **parameters, void **extra) {
    USABLE;
    const Kernel *kernel = reinterpret_cast<Kernel *>(handle);
    const size_t threads = size_t(bx) * by * bz, shared = size_t(kernel->shared_to - kernel->shared_from);
    if (!gx || !gy || !gz || !threads || threads > 1024 || gy > 65535 || gz > 65535)
        return fail(CUDA_ERROR_INVALID_VALUE, kernel->name + ": a grid or block that no GPU takes");
    if (dynamic || shared > 48 << 10)
        return fail(CUDA_ERROR_INVALID_VALUE, kernel->name + ": more than 48 KiB of shared memory, or dynamic");
    std::vector<char> arguments(kernel->argument_bytes + 1);
    if (parameters) {
        for (size_t i = 0; i < kernel->sizes.size(); ++i)
            memcpy(&arguments[kernel->offsets[i]], parameters[i], kernel->sizes[i]);
    } else {
        size_t bytes = 0;
        for (void **entry = extra; entry && *entry != CU_LAUNCH_PARAM_END; entry += 2)
            if (*entry == CU_LAUNCH_PARAM_BUFFER_SIZE) bytes = *static_cast<size_t *>(entry[1]);
        for (void **entry = extra; entry && *entry != CU_LAUNCH_PARAM_END; entry += 2)
            if (*entry == CU_LAUNCH_PARAM_BUFFER_POINTER && bytes == kernel->argument_bytes)
                memcpy(arguments.data(), entry[1], bytes);
        if (bytes != kernel->argument_bytes)
            return fail(CUDA_ERROR_INVALID_VALUE, kernel->name + ": takes " + std::to_string(kernel->argument_bytes) +
                                                      " bytes of arguments, was given " + std::to_string(bytes));
    }
    return enqueue(stream, [=] { return run_kernel(*kernel, {gx, gy, gz}, {bx, by, bz}, arguments); });
}
}
