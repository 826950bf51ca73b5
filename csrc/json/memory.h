/*
 * Memory of one extractor, or of log events: it is used again for every event, what a large one needed is
 * partly given back, and a shortage is remembered instead of thrown.
 */
#ifndef KAE_JSON_MEMORY_H
#define KAE_JSON_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>

namespace kae {

/* An array of plain values that grows. */
template <typename T> class Array {
    static_assert(std::is_trivially_copyable<T>::value, "moved with realloc");

  public:
    Array() = default;
    Array(const Array &) = delete;
    Array &operator=(const Array &) = delete;
    ~Array() { std::free(items_); }

    size_t size() const { return size_; }
    T *data() { return items_; }
    const T *data() const { return items_; }
    T &operator[](size_t position) { return items_[position]; }
    const T &operator[](size_t position) const { return items_[position]; }
    T &back() { return items_[size_ - 1]; }

    void clear() { size_ = 0; }
    void truncate(size_t size) { size_ = size; }

    /* False when memory is short. */
    bool reserve(size_t capacity)
    {
        if (capacity <= capacity_) {
            return true;
        }
        size_t wanted = capacity_ * 2 > capacity ? capacity_ * 2 : capacity;
        void *items = std::realloc(static_cast<void *>(items_), wanted * sizeof(T));
        if (items == nullptr) {
            return false;
        }
        items_ = static_cast<T *>(items);
        capacity_ = wanted;
        return true;
    }

    bool push(const T &item)
    {
        if (size_ == capacity_ && !reserve(size_ + 16)) {
            return false;
        }
        items_[size_++] = item;
        return true;
    }

    /* `items` of another place; none if `count` is 0. */
    bool append(const T *items, size_t count)
    {
        if (!reserve(size_ + count)) {
            return false;
        }
        if (count != 0) {
            std::memcpy(items_ + size_, items, count * sizeof(T));
        }
        size_ += count;
        return true;
    }

  private:
    T *items_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

/*
 * Sequences of plain values that never move once finished. One at a time is being
 * written: put() appends to it, finish() ends it.
 */
template <typename T> class Sequences {
    static_assert(std::is_trivially_copyable<T>::value, "moved with memcpy");

  public:
    Sequences() = default;
    Sequences(const Sequences &) = delete;
    Sequences &operator=(const Sequences &) = delete;
    ~Sequences()
    {
        while (first_ != nullptr) {
            free_chunk(first_);
        }
    }

    /* Forgets all sequences; the memory stays, if it is not much. */
    void clear()
    {
        if (capacity_ > kKeptItems) {
            trim();
        }
        chunk_ = first_;
        used_ = 0;
        start_ = 0;
        failed_ = false;
    }

    void put(const T *items, size_t count)
    {
        if (count != 0 && (has_room(count) || grow(count))) {
            std::memcpy(chunk_->items() + used_, items, count * sizeof(T));
            used_ += count;
        }
    }
    void put(const T &item)
    {
        if (has_room(1) || grow(1)) {
            chunk_->items()[used_++] = item;
        }
    }

    /* How much has been written of the unfinished sequence. */
    size_t size() const { return used_ - start_; }

    /* NULL when memory was short, or nothing has been written. */
    T *finish()
    {
        T *items = failed_ || size() == 0 ? nullptr : chunk_->items() + start_;
        start_ = used_;
        return items;
    }

    /* Takes back the unfinished sequence. */
    void abandon() { used_ = start_; }

    bool short_of_memory() const { return failed_; }

    /* After a shortage: what is finished stays, and more may be written. */
    void recover()
    {
        abandon();
        failed_ = false;
    }

  protected:
    /* The unfinished sequence; valid until the next put. */
    const T *unfinished() const { return size() == 0 ? nullptr : chunk_->items() + start_; }

  private:
    struct Chunk {
        Chunk *next;
        size_t capacity; /* items */
        T *items() { return reinterpret_cast<T *>(this + 1); }
    };
    static_assert(alignof(T) <= alignof(Chunk), "items lie right behind");

    static constexpr size_t kFirstChunkItems = 4096 / sizeof(T);
    static constexpr size_t kKeptItems = (1 << 20) / sizeof(T);

    /* Puts the next chunk in its place. */
    void free_chunk(Chunk *&chunk)
    {
        Chunk *next = chunk->next;
        capacity_ -= chunk->capacity;
        std::free(chunk);
        chunk = next;
    }

    /* Keeps chunks up to kKeptItems. */
    void trim()
    {
        size_t kept = 0;
        Chunk **chunk = &first_;
        while (*chunk != nullptr) {
            if (kept + (*chunk)->capacity > kKeptItems) {
                free_chunk(*chunk);
            } else {
                kept += (*chunk)->capacity;
                chunk = &(*chunk)->next;
            }
        }
    }

    bool has_room(size_t count) const
    {
        return chunk_ != nullptr && chunk_->capacity - used_ >= count;
    }

    /* Goes on in a chunk that holds the unfinished sequence and `count` items more. Chunks
     * at least double, so that what grows item by item costs linear time, and all together
     * are not much more than what they held at most. */
    bool grow(size_t count)
    {
        if (failed_) {
            return false;
        }
        const size_t written = size();
        const size_t needed = written + count;
        Chunk *&next = chunk_ != nullptr ? chunk_->next : first_;
        while (next != nullptr && next->capacity < needed) { /* nothing is in it */
            free_chunk(next);
        }
        if (next == nullptr) {
            size_t capacity = chunk_ != nullptr ? chunk_->capacity * 2 : kFirstChunkItems;
            if (capacity < needed * 2) {
                capacity = needed * 2;
            }
            void *memory = std::malloc(sizeof(Chunk) + capacity * sizeof(T));
            if (memory == nullptr) {
                failed_ = true;
                return false;
            }
            next = new (memory) Chunk{nullptr, capacity};
            capacity_ += capacity;
        }
        if (written != 0) {
            std::memcpy(next->items(), chunk_->items() + start_, written * sizeof(T));
        }
        chunk_ = next;
        start_ = 0;
        used_ = written;
        return true;
    }

    Chunk *first_ = nullptr;
    Chunk *chunk_ = nullptr; /* the one being filled */
    size_t capacity_ = 0;    /* items of all chunks */
    size_t used_ = 0;        /* items of chunk_ */
    size_t start_ = 0;       /* of the unfinished sequence in chunk_ */
    bool failed_ = false;
};

/* NUL-terminated texts that never move once finished. */
class Texts : public Sequences<char> {
  public:
    using Sequences<char>::put;
    void put(std::string_view text) { put(text.data(), text.size()); }

    /* What has been written of the unfinished text; valid until the next put. */
    std::string_view written() const { return std::string_view(unfinished(), size()); }

    /* Empty text when memory was short. */
    const char *finish()
    {
        put('\0');
        const char *text = Sequences<char>::finish();
        return text != nullptr ? text : "";
    }
};

} /* namespace kae */
#endif
