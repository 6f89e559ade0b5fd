"""Reads HLO text with XLA's own parser, as an outside check of the HLO text printer.

Answers requests on standard input on standard output. A request is a length in bytes (32 bits, little-endian) and
that much text. An answer is one byte, 1 if the text was read and 0 if not, a length, and that many bytes: the
serialised HloModuleProto, or the parser's message. Needs jaxlib, which `hlo_text.sh` installs.
"""

import struct
import sys

from jaxlib import _hlo


def main():
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := requests.read(4):
        text = requests.read(struct.unpack("<I", header)[0]).decode()
        try:
            read, answer = 1, _hlo.hlo_module_from_text(text).as_serialized_hlo_module_proto()
        except Exception as error:
            read, answer = 0, str(error).encode()
        answers.write(struct.pack("<BI", read, len(answer)) + answer)
        answers.flush()


if __name__ == "__main__":
    main()
