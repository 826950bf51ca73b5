/*
 * Memory of one extractor: it only grows, is used again for every call, and a
 * shortage is remembered instead of thrown.
 */
#ifndef KAE_EXTRACT_MEMORY_H
#define KAE_EXTRACT_MEMORY_H

#include <cstddef>
#include <cstdint>
#include <cstdlib>
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
    T &operator[](size_t position) { return items_[position]; }
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

  private:
    T *items_ = nullptr;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

/*
 * NUL-terminated texts that never move once finished. One text at a time is
 * being written: put() appends to it, finish() ends it.
 */
class Texts {
  public:
    Texts() = default;
    Texts(const Texts &) = delete;
    Texts &operator=(const Texts &) = delete;
    ~Texts();

    /* Forgets all texts; the memory stays. */
    void clear()
    {
        chunk_ = first_;
        used_ = 0;
        start_ = 0;
        failed_ = false;
    }

    void put(const char *text, size_t len_bytes)
    {
        if (chunk_ == nullptr || chunk_->capacity - used_ <= len_bytes) {
            if (!grow(len_bytes)) {
                return;
            }
        }
        append(text, len_bytes);
    }
    void put(std::string_view text) { put(text.data(), text.size()); }
    void put(char c) { put(&c, 1); }

    /* What has been written of the unfinished text; valid until the next put. */
    std::string_view written() const;

    /* Empty text when memory was short. */
    const char *finish();

    /* Takes back the unfinished text. */
    void abandon() { used_ = start_; }

    bool short_of_memory() const { return failed_; }

  private:
    struct Chunk {
        Chunk *next;
        size_t capacity;
        char *bytes() { return reinterpret_cast<char *>(this + 1); }
    };

    bool grow(size_t len_bytes);
    void append(const char *text, size_t len_bytes);

    Chunk *first_ = nullptr;
    Chunk *chunk_ = nullptr; /* the one being filled */
    size_t used_ = 0;        /* of chunk_ */
    size_t start_ = 0;       /* of the unfinished text in chunk_ */
    bool failed_ = false;
};

} /* namespace kae */
#endif
