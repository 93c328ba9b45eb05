"""ragqwen: cited answers from documents in any of Qwen3's 119 languages. This room is the core."""

__version__ = "0.1.0"
