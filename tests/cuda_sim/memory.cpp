// Device and page-locked memory: host memory between two stretches that may not be touched.
//
// An allocation ends (rounded up to 256 bytes) right before such a stretch, so that a read or write
// past it faults at once; the bytes in between hold a pattern that is checked after every launch.
#include "sim.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace {
constexpr size_t PAGE = 4096, ALIGNMENT = 256;
constexpr size_t GUARD = 1 << 20;       // bytes on either side that may not be touched
constexpr unsigned char FRESH = 0xFF;   // reads as NaN in every precision and as -1
constexpr unsigned char AROUND = 0xCB;

struct Allocation {
    unsigned char *mapping, *data;
    size_t mapped, bytes;
    Kind kind;
};
std::map<uintptr_t, Allocation> allocations;  // by address of the data
size_t in_use = 0;

size_t rounded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

const Allocation *around(uintptr_t address) {
    auto next = allocations.upper_bound(address);
    if (next == allocations.begin()) return nullptr;
    const Allocation &found = std::prev(next)->second;
    return address < uintptr_t(found.data) + found.bytes ? &found : nullptr;
}

bool holds(uintptr_t address, size_t bytes, Kind kind) {
    const Allocation *found = around(address);
    return found && found->kind == kind && address + bytes <= uintptr_t(found->data) + found->bytes;
}

bool is_intact(const Allocation &a) {
    auto untouched = [](unsigned char byte) { return byte == AROUND; };
    return std::all_of(a.mapping + GUARD, a.data, untouched) &&
           std::all_of(a.data + a.bytes, a.mapping + a.mapped - GUARD, untouched);
}
}  // namespace

void *allocate(size_t bytes, Kind kind) {
    if (kind == Kind::device && in_use + bytes > DEVICE_BYTES) return nullptr;
    const size_t room = rounded(bytes, ALIGNMENT), mapped = rounded(room, PAGE) + 2 * GUARD;
    void *mapping = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) return nullptr;
    auto *start = static_cast<unsigned char *>(mapping), *data = start + mapped - GUARD - room;
    memset(start + GUARD, AROUND, mapped - 2 * GUARD);
    memset(data, FRESH, bytes);
    mprotect(start, GUARD, PROT_NONE);
    mprotect(start + mapped - GUARD, GUARD, PROT_NONE);
    allocations[uintptr_t(data)] = {start, data, mapped, bytes, kind};
    if (kind == Kind::device) in_use += bytes;
    return data;
}

CUresult release(uintptr_t address) {
    auto found = allocations.find(address);
    if (found == allocations.end())
        return fail(CUDA_ERROR_INVALID_VALUE, "freed what was never allocated");
    const Allocation gone = found->second;
    const bool intact = is_intact(gone);
    if (gone.kind == Kind::device) in_use -= gone.bytes;
    munmap(gone.mapping, gone.mapped);
    allocations.erase(found);
    return intact ? CUDA_SUCCESS
                  : break_context(CUDA_ERROR_ILLEGAL_ADDRESS, "somebody wrote past the end of what was freed");
}

bool on_device(uintptr_t address, size_t bytes) { return holds(address, bytes, Kind::device); }
bool is_pinned(uintptr_t address, size_t bytes) { return holds(address, bytes, Kind::pinned); }

bool allocation_of(uintptr_t address, uintptr_t *base, size_t *bytes) {
    const Allocation *found = around(address);
    if (found) *base = uintptr_t(found->data), *bytes = found->bytes;
    return found;
}

std::string spoiled_allocation() {
    for (const auto &[address, a] : allocations)
        if (!is_intact(a)) return "wrote past the end of " + std::to_string(a.bytes) + " bytes";
    return "";
}

size_t device_bytes_in_use() { return in_use; }
