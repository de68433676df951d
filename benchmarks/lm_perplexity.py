"""Measure the bits per key that a language model needs for a text, enters included.

python -m benchmarks.lm_perplexity --lm exported/demo --text test
"""

import json
import math
from pathlib import Path

import kenlm

from benchmarks.results import command_line, publish
from emgtype.models.language import text_tokens, word_tokens
from emgtype.texts import load_text
from simulator.text import prompts


def main() -> None:
    """Run the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--lm", type=Path, default=Path("exported/demo"), help="folder with lm.binary and lm.json")
    parser.add_argument("--text", default="test", help="a text file, or lm, train, test, demo")
    args = parser.parse_args()
    kind = json.loads((args.lm / "lm.json").read_text(encoding="utf-8"))["kind"]
    paragraphs = load_text(args.text)
    lines = list(word_tokens(paragraphs) if kind == "words" else text_tokens(prompts(paragraphs, seed=0)))
    model = kenlm.Model(str(args.lm / "lm.binary"))
    nats = -math.log(10) * sum(model.score(" ".join(tokens)) for tokens in lines)
    keys = sum(len(tokens) + 1 for tokens in lines)
    unknown = sum(token not in model for tokens in lines for token in tokens)
    size = (args.lm / "lm.binary").stat().st_size / 1e6
    bits = nats / math.log(2) / keys
    summary = [
        f"{args.lm}: {kind}, order {model.order}, {size:.2f} MB",
        f"{args.text}: {keys} keys, {bits:.3f} bits per key, perplexity {2**bits:.2f}",
        f"keys outside the alphabet: {unknown}",
    ]
    publish(args, summary, {"megabytes": size, "keys": keys, "bits_per_key": bits, "unknown": unknown})


if __name__ == "__main__":
    main()
