"""What the service itself says, in one place, so that it can be translated."""

NO_MODEL = (
    "No language model is configured: the answer is sentences quoted from the documents. Set "
    "RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL to have Qwen3 write it."
)
NOT_FOUND = "The documents do not answer this question."
NO_DOCUMENTS = "There are no documents in this collection yet."
BUILTIN_EMBEDDER = (
    "The built-in embedder compares spellings, not meanings: it does not match a question with "
    "documents in another language. Set RAGQWEN_EMBEDDER to a model such as "
    "Qwen/Qwen3-Embedding-0.6B for that."
)
