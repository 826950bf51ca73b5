/* JSON elements as text. */
#ifndef KAE_EXTRACT_RENDER_H
#define KAE_EXTRACT_RENDER_H

#include "extract/document.h"
#include "json/memory.h"

namespace kae {

/*
 * Numbers are written as Go's encoding/json does (but -0.0 as 0): integers in full, others with the
 * fewest digits that give the same double, with an exponent below 1e-6 and from
 * 1e21 on. So the numbers of an API server's event keep their text.
 */
class Renderer {
  public:
    Renderer(Document &document, Texts &texts) : document_(document), texts_(texts) {}

    /* Appends a string as it is, anything else as put_json; never a NUL. */
    void put_text(element value);

    /* Appends compact JSON text: members and elements in their order, without the
     * members that do not count. */
    void put_json(element value) { put_json(value, document_.last_counts()); }

    /* The text of one value: a string without NUL is answered where it is. */
    const char *text(element value)
    {
        const char *text = nullptr;
        if (document_.text_in_place(value, text)) {
            return text;
        }
        put_text(value);
        return texts_.finish();
    }

    /* The text of the whole event. */
    const char *event_text(element root)
    {
        put_json(root, false);
        return texts_.finish();
    }

    /* Of an object, the positions of the members that do not count, in document order,
     * appended to `positions`; the first member is at 0. */
    bool shadowed_members(simdjson::dom::object object, bool last_counts,
                          Array<uint32_t> &positions);

    void clear() { failed_ = false; }
    bool short_of_memory() const { return failed_ || texts_.short_of_memory(); }

  private:
    /* An object or array that is being written. */
    struct Frame {
        simdjson::dom::object::iterator member;
        simdjson::dom::object::iterator member_end;
        simdjson::dom::array::iterator item;
        simdjson::dom::array::iterator item_end;
        bool is_object;
        bool is_first;
        size_t position;     /* of `member` among the object's */
        size_t shadowed;     /* the next entry of shadowed_ */
        size_t shadowed_top; /* size of shadowed_ before this object */
    };

    /* 32 bits do: simdjson refuses documents of 4 GiB. */
    struct Key {
        const char *text;
        uint32_t len_bytes;
        uint32_t position;
    };

    void put_json(element value, bool last_counts);
    void put_leaf_or_open(element value, bool last_counts);
    bool next(element &value);
    void put_string(std::string_view text);
    void put_double(double value);
    void put_scientific(std::string_view digits, int exponent);
    void put_zeros(int count);
    template <typename Integer> void put_integer(Integer value);

    Document &document_;
    Texts &texts_;
    Array<Frame> frames_;
    Array<uint32_t> shadowed_;
    Array<Key> keys_;
    bool failed_ = false;
};

} /* namespace kae */
#endif
