/* What has been answered about the current event. */
#ifndef KAE_EXTRACT_ANSWERS_H
#define KAE_EXTRACT_ANSWERS_H

#include <cstdint>
#include <string_view>

#include "json/memory.h"

namespace kae {

/* One value of a field, as the ABI's res points to it. */
union Value {
    const char *str;
    uint64_t u64;
};

/* What the host gave in brackets, as far as the field takes it; zeros for the rest, so that
 * equal questions have equal arguments. */
struct Argument {
    bool present; /* an index */
    uint64_t index;
    std::string_view key;
};

/* A field's values; count 0 for none. */
struct Answer {
    Value *values;
    size_t count;
};

/*
 * Answers are kept until another event comes, and given again to the same question. A
 * host may hold on to them that long: libsinsp copies the pointers to texts, and reads
 * those where a rule asks whether a field exists, then for another field, then what the
 * first one is (falcosecurity/libs pull request 2935). Were the memory used again, the
 * rule would see the other's value. Strings of the document itself need no keeping and
 * never come here (extract.cpp's answer_in_place).
 */
class Answers {
  public:
    /* False when memory is short; nothing else may be called then. */
    bool init(uint32_t num_fields);

    void clear()
    {
        kept_.clear();
        keys_.clear();
    }

    /* NULL if the question has not been answered. */
    const Answer *find(uint32_t field_id, const Argument &argument) const;

    /* The values are the caller's. False when memory is short; then nothing is kept. */
    bool keep(uint32_t field_id, const Argument &argument, const Answer &answer);

  private:
    struct Kept {
        uint32_t field_id;
        uint32_t previous; /* position of the field's answer to another argument */
        Argument argument;
        Answer answer;
    };

    /* The position of the field's last answer, or kNone. */
    uint32_t latest(uint32_t field_id) const;

    static constexpr uint32_t kNone = UINT32_MAX;

    Array<Kept> kept_;
    Array<uint32_t> latest_; /* by field; means nothing unless kept_ says the same */
    Texts keys_;
};

} /* namespace kae */
#endif
