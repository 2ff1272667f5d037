// Text from files: is it UTF-8, and how to show it in one line of a message.
#pragma once

#include <string>
#include <string_view>

namespace qat::io {

// Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF).
bool valid_utf8(std::string_view text);

// For messages: control characters and bytes that are not ASCII become \xNN; longer than 100
// characters is cut with "...". A name from a file can so neither break the line nor reach the terminal as a command.
std::string printable(std::string_view text);

}  // namespace qat::io
