/* Runs one field's program on the current document. */
#ifndef KAE_EXTRACT_RUN_H
#define KAE_EXTRACT_RUN_H

#include <cstdint>
#include <string_view>

#include "extract/answers.h"
#include "extract/document.h"
#include "json/memory.h"
#include "extract/render.h"
#include "extract/program.h"

namespace kae {

class Runner {
  public:
    explicit Runner(Document &document) : document_(document), renderer_(document, texts_) {}

    /* False when memory is short; nothing else may be called then. */
    bool init() { return answers_.init(kae_num_programs); }

    /* Forgets all answers: the document has changed. */
    void begin_event()
    {
        texts_.clear();
        values_.clear();
        answers_.clear();
        failed_ = false;
    }

    /* The field's values; they stay until the next begin_event. event_time_ns is the
     * event's own time. */
    Answer answer(uint32_t field_id, const Argument &argument, uint64_t event_time_ns);

    /* Whether the last answer is not complete. */
    bool short_of_memory() const { return failed_; }

  private:
    void run();
    void walk(element value, const struct kae_op *op, const struct kae_op *end);
    void walk_each(element value, const struct kae_op *op, const struct kae_op *end);
    void visit(element value);
    void visit_text(element value);
    void visit_joined(element value);
    void visit_repository(element value);
    void visit_capability(element value);
    void visit_host_path(element value);
    void add_host_path(std::string_view path, size_t num_levels);
    void visit_colon_joined(element value);
    void visit_member_names(element value);
    void visit_match(element value);
    void visit_query(element value);
    void visit_uri_path(element value);
    void visit_pointer(element value);
    bool has_too_many_parameters(element uri) const;
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
    Sequences<Value> values_;
    Answers answers_;
    Array<uint32_t> shadowed_;
    bool failed_ = false;

    /* Of the program that runs. */
    const struct kae_program *program_ = nullptr;
    Argument argument_ = {};
    uint64_t event_time_ns_ = 0;
    const char *instead_ = nullptr; /* of parts that are absent; written at most once */
    bool done_ = false;    /* the field has all its values */
    bool visited_ = false; /* a node was reached */
    bool matched_ = false; /* one of them met the condition */
};

} /* namespace kae */
#endif
