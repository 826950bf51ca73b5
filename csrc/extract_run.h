/* Runs one field's program on the current document. */
#ifndef KAE_EXTRACT_RUN_H
#define KAE_EXTRACT_RUN_H

#include <cstdint>
#include <string_view>

#include "extract_document.h"
#include "extract_memory.h"
#include "extract_render.h"
#include "program.h"

namespace kae {

/* One value of a field, as the ABI's res points to it. */
union Value {
    const char *str;
    uint64_t u64;
};

/* What the host gave in brackets; the program says which one counts. */
struct Argument {
    bool present;
    uint64_t index;
    std::string_view key;
};

class Runner {
  public:
    explicit Runner(Document &document) : document_(document), renderer_(document, texts_) {}

    /* Forgets the values of the last call. */
    void clear()
    {
        texts_.clear();
        scratch_.clear();
        renderer_.clear();
        values_.clear();
        failed_ = false;
    }

    /* Appends the field's values. event_time_ns is the event's own time. */
    void run(const struct kae_program &program, const Argument &argument,
             uint64_t event_time_ns);

    size_t size() const { return values_.size(); }
    Value *values() { return values_.data(); }
    bool short_of_memory() const
    {
        return failed_ || renderer_.short_of_memory() || scratch_.short_of_memory();
    }

  private:
    void walk(element value, const struct kae_op *op, const struct kae_op *end);
    void walk_each(element value, const struct kae_op *op, const struct kae_op *end);
    void visit(element value);
    void visit_text(element value);
    void visit_joined(element value);
    void visit_repository(element value);
    void visit_capability(element value);
    void visit_host_path(element value);
    void visit_colon_joined(element value);
    void visit_member_names(element value);
    void visit_match(element value);
    void visit_query(element value);
    void visit_uri_path(element value);
    void visit_pointer(element value);
    void finish();
    void elapsed(element value);

    bool part(element value, uint16_t number, element &out);
    bool first_part(element value, element &out);
    bool follow(element value, const struct kae_path &path, element &out);
    void add(const char *text);
    void add_number(uint64_t number);
    bool is_done() const { return done_; }

    Document &document_;
    Texts texts_;
    Texts scratch_;
    Renderer renderer_;
    Array<Value> values_;
    Array<const char *> shadowed_;
    bool failed_ = false;

    /* Of the program that runs. */
    const struct kae_program *program_ = nullptr;
    Argument argument_ = {};
    uint64_t event_time_ns_ = 0;
    bool done_ = false;    /* the field has all its values */
    bool visited_ = false; /* a node was reached */
    bool matched_ = false; /* one of them met the condition */
};

} /* namespace kae */
#endif
