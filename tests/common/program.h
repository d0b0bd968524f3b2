// SPDX-License-Identifier: Apache-2.0
//
// What programs around one Verilated module share: `name=value` arguments, and files of words.
// A build that includes it names tests/common among its include folders, so that it is built anew
// when this changes.

#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace program {

/// The `name=value` words among the arguments, by name.
inline std::map<std::string, std::string> arguments(int argc, char** argv) {
    std::map<std::string, std::string> given;
    for (int k = 1; k < argc; ++k) {
        const std::string word = argv[k];
        const size_t at = word.find('=');
        if (at != std::string::npos) given[word.substr(0, at)] = word.substr(at + 1);
    }
    return given;
}

/// Say what could not be done with a file, and end.
[[noreturn]] inline void fail(const char* what, const std::string& path) {
    std::fprintf(stderr, "cannot %s %s\n", what, path.c_str());
    std::exit(1);
}

/// All words of a file; ends the program if it cannot be read.
template <class T>
std::vector<T> read(const std::string& path) {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    std::vector<T> words(in ? static_cast<size_t>(in.tellg()) / sizeof(T) : 0);
    in.seekg(0);
    in.read(reinterpret_cast<char*>(words.data()),
            static_cast<std::streamsize>(words.size() * sizeof(T)));
    if (!in) fail("read", path);
    return words;
}

/// Write words to a file; ends the program if that fails.
template <class T>
void write(const std::string& path, const std::vector<T>& words) {
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(words.data()),
              static_cast<std::streamsize>(words.size() * sizeof(T)));
    if (!out.flush()) fail("write", path);
}

}  // namespace program
