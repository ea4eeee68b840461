// The fusion stage on the device: reference.py's formula for a batch of rooms in one launch.
//
// gate:  grid (M, rooms). A block gathers one modality's steps of one room from the feature ring,
//        pools them over time (a warp a head), and applies expert, sound head and its part of the
//        gate's hidden layer. The block that finishes a room last adds these parts up in a fixed
//        order, so that results repeat bit by bit, and pools the opinions.
// store: grid (rows). Puts an encoder's float32 output into the half-precision ring.
//
// Weights and ring are half precision, all sums float32. Every address is fixed, and `turns` counts
// itself back to 0, so a captured graph may replay a launch; a room that is not in use then has no
// valid row, reads no weights, and gets zeros.
//
// kernel.py sets the sizes below from the model and mirrors the structures as NumPy types.

#include <cuda_fp16.h>

#ifndef GATE_D           // the defaults: the sizes of edge/values.py, with all parts
#define GATE_D 256       // channels of a feature, a multiple of 8 and of the heads
#define GATE_T 15        // steps of a window, at most 32: a lane holds one
#define GATE_TAPS 5      // of the causal convolution
#define GATE_HEADS 8     // of the temporal attention
#define GATE_M 4         // modalities
#define GATE_A 15        // actions, at most 32
#define GATE_S 10        // sounds
#define GATE_Q 3         // quality cues
#define GATE_H 32        // hidden units of the gate
#define GATE_AUDIO 3     // the modality that the sounds are heard in
#define GATE_CONVOLVES 1      // 0: kernel and bias of the temporal stage are zero
#define GATE_ATTENDS 1        // 0: query and age are zero, a head takes the mean
#define GATE_SEES_FEATURES 1  // 0: the gate looks at presence and cues alone
#define GATE_LOG_POOL 0       // 1: the power mean's limit at power 0, sum_m g[m] log p[m]
#endif

constexpr int D = GATE_D, T = GATE_T, TAPS = GATE_TAPS, HEADS = GATE_HEADS, M = GATE_M;
constexpr int A = GATE_A, S = GATE_S, Q = GATE_Q, H = GATE_H, AUDIO = GATE_AUDIO;
constexpr int THREADS = 256, LANES = 32, WARPS = THREADS / LANES;
constexpr int WIDTH = D / HEADS;                      // channels of a head
constexpr int EACH = (WIDTH + LANES - 1) / LANES;     // of them a lane's
constexpr int VECTOR = 8;                             // halves in a 16-byte load
constexpr unsigned ALL = 0xffffffffu;
constexpr float NOTHING = -3e38f;                     // below every score, and exp gives 0
static_assert(D % VECTOR == 0 && D % HEADS == 0 && T <= LANES && A <= LANES && M <= LANES, "sizes");

struct Weights {                       // shapes as in parameters.py, in C order
    const __half *temporal_kernel;     // (M, TAPS, D)
    const __half *temporal_query;      // (M, D)
    const __half *expert_weight;       // (M, A, D)
    const __half *hidden_weight;       // (M, H, D) columns of the gate's hidden layer on features
    const __half *sound_weight;        // (S, D)
    const float *temporal_bias;        // (M, D)
    const float *temporal_age;         // (M, HEADS, T)
    const float *expert_bias;          // (M, A)
    const float *told_weight;          // (M, H, 1 + Q) its columns on presence and cues
    const float *hidden_bias;          // (H,)
    const float *gate_weight;          // (M, H)
    const float *gate_bias;            // (M,)
    const float *sound_bias;           // (S,)
    const float *pool;                 // power, independence
};

struct Room {                          // what is asked about one room
    int rows[M][T];                    // of the ring, oldest first; -1 where a step is missing
    float quality[M][Q];
};

struct Part {                          // what one block leaves for the last of its room
    float hidden[H];
    float opinions[A];                 // log p
};

struct Verdict {                       // what is answered; zeros where nothing is there
    float gate[M];
    float actions[A];
    float experts[M][A];
    float sounds[S];
};

__device__ float warp_sum(float value) {
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2) value += __shfl_xor_sync(ALL, value, step);
    return value;
}

__device__ float warp_max(float value) {
#pragma unroll
    for (int step = LANES / 2; step > 0; step /= 2)
        value = fmaxf(value, __shfl_xor_sync(ALL, value, step));
    return value;
}

// log softmax over the lanes that take part; NOTHING from the others
__device__ float warp_log_softmax(float logit, bool takes_part) {
    const float top = warp_max(takes_part ? logit : NOTHING);
    const float sum = warp_sum(takes_part ? expf(logit - top) : 0.f);
    return takes_part ? logit - top - logf(sum) : NOTHING;
}

// row . vector in every lane; row: D halves on a 16-byte boundary, vector: D floats
__device__ float warp_dot(const __half *row, const float *vector, int lane) {
    float sum = 0.f;
    for (int i = lane * VECTOR; i < D; i += LANES * VECTOR) {
        const uint4 words = *reinterpret_cast<const uint4 *>(row + i);
        const __half2 *pairs = reinterpret_cast<const __half2 *>(&words);
#pragma unroll
        for (int k = 0; k < VECTOR / 2; ++k) {
            const float2 pair = __half22float2(pairs[k]);
            sum = fmaf(pair.x, vector[i + 2 * k], fmaf(pair.y, vector[i + 2 * k + 1], sum));
        }
    }
    return warp_sum(sum);
}

// x[t] + relu(bias + sum_k kernel[k] x[t - k]) in place, newest first: what is read is still x
__device__ void convolve(float (&x)[T], const __half *kernel, float bias) {
#pragma unroll
    for (int t = T - 1; t >= 0; --t) {
        float taps = bias;
#pragma unroll
        for (int k = 0; k < TAPS && k <= t; ++k)
            taps = fmaf(__half2float(kernel[k * D]), x[t - k], taps);
        x[t] += fmaxf(taps, 0.f);
    }
}

// One head of the temporal stage by one warp. row: this lane's step, valid: bit t for step t.
__device__ void pool_head(const Weights &w, const __half *ring, int m, int head, int lane, int row,
                          unsigned valid, float *pooled) {
    float y[EACH][T], share[T];
#pragma unroll
    for (int t = 0; t < T; ++t) {
        const int from = __shfl_sync(ALL, row, t);
#pragma unroll
        for (int e = 0; e < EACH; ++e) {
            const int c = e * LANES + lane;
            const bool there = from >= 0 && c < WIDTH;  // what is not there is not read
            y[e][t] = there ? __half2float(ring[(size_t)from * D + head * WIDTH + c]) : 0.f;
        }
    }
#pragma unroll
    for (int e = 0; e < EACH; ++e) {
        const int c = e * LANES + lane, at = head * WIDTH + c;
        if (GATE_CONVOLVES && c < WIDTH)
            convolve(y[e], w.temporal_kernel + m * TAPS * D + at, w.temporal_bias[m * D + at]);
    }
    float top = NOTHING, sum = 0.f;
#pragma unroll
    for (int t = 0; t < T; ++t) {
        float score = 0.f;
#pragma unroll
        for (int e = 0; GATE_ATTENDS && e < EACH; ++e) {
            const int c = e * LANES + lane, at = head * WIDTH + c;
            if (c < WIDTH) score = fmaf(__half2float(w.temporal_query[m * D + at]), y[e][t], score);
        }
        if (GATE_ATTENDS) score = warp_sum(score) + w.temporal_age[(m * HEADS + head) * T + t];
        share[t] = valid >> t & 1 ? score : NOTHING;
        top = fmaxf(top, share[t]);
    }
#pragma unroll
    for (int t = 0; t < T; ++t) {
        share[t] = valid >> t & 1 ? expf(share[t] - top) : 0.f;
        sum += share[t];
    }
#pragma unroll
    for (int e = 0; e < EACH; ++e) {
        float mean = 0.f;
#pragma unroll
        for (int t = 0; t < T; ++t) mean = fmaf(share[t], y[e][t], mean);
        const int c = e * LANES + lane;
        if (c < WIDTH) pooled[head * WIDTH + c] = mean / sum;
    }
}

// Hidden unit j as far as modality m feeds it
__device__ float hidden_part(const Weights &w, const float *pooled, const float *quality, int m,
                             int j, int lane) {
    float sum = 0.f;
    if (GATE_SEES_FEATURES) sum = warp_dot(w.hidden_weight + (size_t)(m * H + j) * D, pooled, lane);
    const float *told = w.told_weight + (m * H + j) * (1 + Q);
    sum += told[0];
    for (int q = 0; q < Q; ++q) sum = fmaf(told[1 + q], quality[q], sum);
    return sum;
}

// The last block of a room: gate and pooled opinions from the parts of all its modalities
__device__ void conclude(const Weights &w, const Room &room, const Part *parts, Verdict &verdict) {
    __shared__ float hidden[H], logits[M];
    __shared__ int there[M];
    const int thread = threadIdx.x, lane = thread % LANES, warp = thread / LANES;
    for (int m = warp; m < M; m += WARPS) {
        const int any = __any_sync(ALL, lane < T && room.rows[m][lane] >= 0);
        if (lane == 0) there[m] = any;
    }
    for (int j = thread; j < H; j += THREADS) {
        float sum = w.hidden_bias[j];
        for (int m = 0; m < M; ++m) sum += __ldcg(&parts[m].hidden[j]);  // past this block's cache
        hidden[j] = sum < 0.f ? 0.f : sum;  // not a number stays visible, fmaxf would hide it
    }
    __syncthreads();  // every hidden unit is there
    for (int m = warp; m < M; m += WARPS) {
        float sum = 0.f;
        for (int j = lane; j < H; j += LANES) sum = fmaf(w.gate_weight[m * H + j], hidden[j], sum);
        sum = warp_sum(sum);
        if (lane == 0) logits[m] = sum + w.gate_bias[m];
    }
    __syncthreads();  // every logit is there
    if (warp > 0) return;
    const bool known = lane < M && there[lane];
    const float log_gate = warp_log_softmax(lane < M ? logits[lane] : 0.f, known);
    const float gate = known ? expf(log_gate) : 0.f;
    const float listened_to = 1.f / warp_sum(gate * gate);  // infinite where nothing is there
    const bool anything = __any_sync(ALL, known);
    if (lane < M) verdict.gate[lane] = gate;
    const float power = w.pool[0], sharpness = powf(listened_to, w.pool[1]);
    float top = NOTHING, mean = 0.f;
    for (int turn = GATE_LOG_POOL ? 1 : 0; turn < 2; ++turn) {  // first the largest, then the sum
        for (int m = 0; m < M; ++m) {
            const float log_g = __shfl_sync(ALL, log_gate, m), g = __shfl_sync(ALL, gate, m);
            const float opinion = lane < A && there[m] ? __ldcg(&parts[m].opinions[lane]) : 0.f;
            const float term = fmaf(power, opinion, log_g);
            if (GATE_LOG_POOL) mean = fmaf(g, opinion, mean);
            else if (turn == 0) top = fmaxf(top, term);
            else mean += there[m] ? expf(term - top) : 0.f;
        }
    }
    if (!GATE_LOG_POOL) mean = (top + logf(mean)) / power;
    const float action = warp_log_softmax(sharpness * mean, lane < A && anything);
    if (lane < A) verdict.actions[lane] = anything ? expf(action) : 0.f;
}

// What a modality that is there says: expert, its part of the hidden layer, sounds if it is audio
__device__ void judge(const Weights &w, const Room &room, const float *pooled, int m, Part &part,
                      Verdict &verdict) {
    __shared__ float logits[A];
    const int lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    for (int i = warp; i < A + H + (m == AUDIO ? S : 0); i += WARPS) {  // a warp an output
        const int hidden = i - A, sound = i - A - H;
        float value;
        if (hidden < 0) value = warp_dot(w.expert_weight + (size_t)(m * A + i) * D, pooled, lane);
        else if (sound < 0) value = hidden_part(w, pooled, room.quality[m], m, hidden, lane);
        else value = warp_dot(w.sound_weight + (size_t)sound * D, pooled, lane);
        if (lane > 0) continue;
        if (hidden < 0) logits[i] = value + w.expert_bias[m * A + i];
        else if (sound < 0) part.hidden[hidden] = value;
        else verdict.sounds[sound] = 1.f / (1.f + expf(-value - w.sound_bias[sound]));
    }
    __syncthreads();  // the expert has judged every action
    if (warp > 0) return;
    const float opinion = warp_log_softmax(lane < A ? logits[lane] : 0.f, lane < A);
    if (lane < A) {
        part.opinions[lane] = opinion;
        verdict.experts[m][lane] = expf(opinion);
    }
}

// ring: (rows, D)   rooms, verdicts: (gridDim.y,)   parts: (gridDim.y, M)   turns: (gridDim.y,), 0
extern "C" __global__ void __launch_bounds__(THREADS, 1)
gate(Weights w, const __half *ring, const Room *rooms, Part *parts, unsigned *turns,
     Verdict *verdicts) {
    __shared__ __align__(16) float pooled[D];
    __shared__ int last;
    const int m = blockIdx.x, r = blockIdx.y;
    const int thread = threadIdx.x, lane = thread % LANES, warp = thread / LANES;
    const Room &room = rooms[r];
    Part &part = parts[r * M + m];
    Verdict &verdict = verdicts[r];

    const int row = lane < T ? room.rows[m][lane] : -1;
    const unsigned valid = __ballot_sync(ALL, row >= 0);
    if (valid) {  // the same in all threads of the block
        for (int head = warp; head < HEADS; head += WARPS)
            pool_head(w, ring, m, head, lane, row, valid, pooled);
        __syncthreads();  // every channel is pooled
        judge(w, room, pooled, m, part, verdict);
    } else {
        for (int a = thread; a < A; a += THREADS) verdict.experts[m][a] = 0.f;
        for (int j = thread; j < H; j += THREADS) part.hidden[j] = 0.f;
        for (int s = thread; s < S && m == AUDIO; s += THREADS) verdict.sounds[s] = 0.f;
    }
    __threadfence();  // the part, before the count that says so
    __syncthreads();  // orders blocks: all of this one's part is written before it is counted
    if (thread == 0) last = atomicInc(&turns[r], M - 1) == M - 1;
    __syncthreads();  // all know whether theirs is the last
    if (!last) return;
    __threadfence();  // the count, before the parts of the others
    conclude(w, room, parts + r * M, verdict);
}

// features: (gridDim.x, D)   ring: (rows, D); row i goes to start + (first + i) % capacity
extern "C" __global__ void __launch_bounds__(THREADS, 1)
store(const float *features, __half *ring, int start, int first, int capacity) {
    constexpr float LARGEST = 65504.f;  // of half precision; what is larger stays finite
    const size_t to = start + (first + blockIdx.x) % capacity;
    for (int c = threadIdx.x; c < D; c += THREADS) {
        const float x = features[(size_t)blockIdx.x * D + c];  // not a number stays visible
        ring[to * D + c] = __float2half_rn(x > LARGEST ? LARGEST : x < -LARGEST ? -LARGEST : x);
    }
}
