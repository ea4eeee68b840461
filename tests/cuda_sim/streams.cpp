// Streams and events. SIMCUDA_STREAMS says when enqueued work runs:
//
//   eager   at once (the default)
//   lazy    when the host or another stream waits for it, and no more of it than that
//   others  as lazy, but whenever the host waits for a stream, all other streams run first
//
// A forgotten wait leaves work undone in lazy, done too early or too late in one of the others.
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>

#include "sim.h"

namespace {
struct Stream {
    std::deque<Work> queue;
    bool blocking;  // waits for the default stream, and it for this one
};
struct Record {
    Stream *stream;
    bool done = false;
};
struct Event {
    std::shared_ptr<Record> last;
};

enum class When { eager, lazy, others };

When when() {
    const char *told = getenv("SIMCUDA_STREAMS");
    if (told && !strcmp(told, "lazy")) return When::lazy;
    if (told && !strcmp(told, "others")) return When::others;
    return When::eager;
}

std::vector<Stream *> streams;

Stream *stream_of(CUstream handle) {
    static Stream standard{{}, true};
    return handle ? reinterpret_cast<Stream *>(handle) : &standard;
}

CUresult run_next(Stream *stream) {
    const Work work = std::move(stream->queue.front());
    stream->queue.pop_front();
    return work();
}

CUresult finish(Stream *stream) {
    while (!stream->queue.empty())
        if (CUresult error = run_next(stream)) return error;
    return context_state();
}

CUresult finish(const std::shared_ptr<Record> &record) {
    while (!record->done && !record->stream->queue.empty())
        if (CUresult error = run_next(record->stream)) return error;
    return context_state();
}

CUresult finish_others(Stream *stream) {
    for (Stream *other : streams)
        if (other != stream && when() == When::others)
            if (CUresult error = finish(other)) return error;
    return CUDA_SUCCESS;
}
}  // namespace

CUresult enqueue(CUstream handle, Work work) {
    if (CUresult broken = context_state()) return broken;
    Stream *stream = stream_of(handle);
    if (!handle)  // the default stream and those that block wait for each other
        for (Stream *other : streams)
            if (other->blocking)
                if (CUresult error = finish(other)) return error;
    stream->queue.push_back(std::move(work));
    return !handle || when() == When::eager ? finish(stream) : CUDA_SUCCESS;
}

CUresult finish_all() {
    for (Stream *stream : streams)
        if (CUresult error = finish(stream)) return error;
    return context_state();
}

extern "C" {
#define API __attribute__((visibility("default"))) CUresult CUDAAPI

API cuStreamCreate(CUstream *out, unsigned flags) {
    streams.push_back(new Stream{{}, !(flags & CU_STREAM_NON_BLOCKING)});
    *out = reinterpret_cast<CUstream>(streams.back());
    return context_state();
}
API cuStreamDestroy(CUstream handle) {
    Stream *stream = stream_of(handle);
    const CUresult result = finish(stream);
    std::erase(streams, stream);
    delete stream;
    return result;
}
API cuStreamSynchronize(CUstream handle) {
    if (CUresult error = finish_others(stream_of(handle))) return error;
    return finish(stream_of(handle));
}
API cuStreamQuery(CUstream handle) {
    if (stream_of(handle)->queue.empty()) return context_state();
    const CUresult error = run_next(stream_of(handle));
    return error ? error : CUDA_ERROR_NOT_READY;
}
API cuStreamWaitEvent(CUstream handle, CUevent event, unsigned) {
    const std::shared_ptr<Record> record = reinterpret_cast<Event *>(event)->last;
    return record ? enqueue(handle, [record] { return finish(record); }) : context_state();
}
API cuEventCreate(CUevent *out, unsigned) {
    *out = reinterpret_cast<CUevent>(new Event);
    return context_state();
}
API cuEventDestroy(CUevent event) {
    delete reinterpret_cast<Event *>(event);
    return CUDA_SUCCESS;
}
API cuEventRecord(CUevent event, CUstream handle) {
    auto record = std::make_shared<Record>(Record{stream_of(handle)});
    reinterpret_cast<Event *>(event)->last = record;
    return enqueue(handle, [record] { return record->done = true, CUDA_SUCCESS; });
}
API cuEventSynchronize(CUevent event) {
    const std::shared_ptr<Record> record = reinterpret_cast<Event *>(event)->last;
    if (!record) return context_state();
    if (CUresult error = finish_others(record->stream)) return error;
    return finish(record);
}
API cuEventQuery(CUevent event) {
    const std::shared_ptr<Record> record = reinterpret_cast<Event *>(event)->last;
    return !record || record->done ? context_state() : CUDA_ERROR_NOT_READY;
}
API cuEventElapsedTime(float *, CUevent, CUevent) {
    return fail(CUDA_ERROR_NOT_SUPPORTED, "a CPU simulator (not a GPU) measures no time");
}
}
