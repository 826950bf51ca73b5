#include "extract_memory.h"

#include <cstring>

namespace kae {

static const size_t kFirstChunkBytes = 4096;

Texts::~Texts()
{
    while (first_ != nullptr) {
        Chunk *next = first_->next;
        std::free(first_);
        first_ = next;
    }
}

/* Goes on in a chunk that holds the unfinished text, len_bytes more and a NUL. The
 * chunk at least doubles, so that a text grown byte by byte costs linear time. */
bool Texts::grow(size_t len_bytes)
{
    if (failed_) {
        return false;
    }
    const size_t unfinished = used_ - start_;
    const size_t needed = unfinished + len_bytes + 1;
    Chunk *next = chunk_ != nullptr ? chunk_->next : nullptr;
    if (next == nullptr || next->capacity < needed) {
        size_t capacity = chunk_ != nullptr ? chunk_->capacity * 2 : kFirstChunkBytes;
        if (capacity < needed * 2) {
            capacity = needed * 2;
        }
        Chunk *fresh = static_cast<Chunk *>(std::malloc(sizeof(Chunk) + capacity));
        if (fresh == nullptr) {
            failed_ = true;
            return false;
        }
        fresh->next = next;
        fresh->capacity = capacity;
        if (chunk_ != nullptr) {
            chunk_->next = fresh;
        } else {
            first_ = fresh;
        }
        next = fresh;
    }
    if (unfinished != 0) {
        std::memcpy(next->bytes(), chunk_->bytes() + start_, unfinished);
    }
    chunk_ = next;
    start_ = 0;
    used_ = unfinished;
    return true;
}

void Texts::append(const char *text, size_t len_bytes)
{
    if (len_bytes != 0) {
        std::memcpy(chunk_->bytes() + used_, text, len_bytes);
        used_ += len_bytes;
    }
}

std::string_view Texts::written() const
{
    if (chunk_ == nullptr) {
        return std::string_view();
    }
    return std::string_view(chunk_->bytes() + start_, used_ - start_);
}

const char *Texts::finish()
{
    put('\0');
    if (failed_) {
        return "";
    }
    const char *text = chunk_->bytes() + start_;
    start_ = used_;
    return text;
}

} /* namespace kae */
