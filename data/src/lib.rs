//! Text to token batches: reading, tokenizer, packing, deterministic loader.
