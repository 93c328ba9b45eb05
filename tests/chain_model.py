"""A tiny genuine Qwen3 in which each token determines the next, so that tests can count tokens.

A line break -> `<think>` -> 20 words -> `</think>` -> a blank line -> 40 words -> `<|im_end|>`.
Held to the grammar of tools, it calls CALL, or writes text and numbers as a schema asks for them;
held to digits, it prefers them by GRADE_LOGITS. Asked with ENDLESS, it thinks the 20 words over and
over until its budget ends that. It has the real vocabulary and a template that works as Qwen3's own
does.
"""

from itertools import pairwise
from pathlib import Path

from ragqwen.reasoning import THOUGHT
from ragqwen.tokens import qwen_encoding
from tests.tiny_models import save_tokenizer, write_json

REASONING = (
    " first the question asks when some ship leaves so we look for its time in"
    " this small table then done"
)
ANSWER = (
    "at six every day except Sunday because no crew works that night but from June until"
    " August there are more boats which also carry bikes and dogs if their owner pays half price"
    " plus tax here or send us cash"
)
CALL = '{"name": "ferry", "arguments": {"day": "Monday"}}'
GRADE_LOGITS = {"1": 0.0, "2": 1.0, "3": 0.0, "4": 0.0, "5": 2.0}  # far behind the next word
THOUGHTS, WORDS = REASONING.split(), ANSWER.split()
ENDLESS = {"logit_bias": {"151668": -100}}  # the id of </think>
_HIDDEN = 128
_CERTAIN = 8.0  # so far ahead of all others is the next token that sampling never strays
_LESS = 0.8  # of the logit of the follower before
_BEFORE_ANSWER = (THOUGHT, "\n\n")
# What it writes where a schema says no more than a type: text, an object, an empty one, a number
_ARGUMENTS = (
    '": "你好こんにちは", "',
    '": {"',
    '": {}}</tool_call>',
    '": 3}}</tool_call>',
    '": 3, "',
    'こんにちは"}}</tool_call>',
)
# Of tools in LangChain's tests; so that names and keys are written in the tokens that are usual
_MORE_CALLS = (
    '{"name": "magic_function", "arguments": {"input": 3}}',
    '{"name": "magic_function_no_args", "arguments": {}}',
    '{"name": "get_weather", "arguments": {"location": "你好こんにちは"}}',
    '{"name": "my_adder_tool", "arguments": {"a": 3, "b": 3}}',
    '{"name": "greeting_generator", "arguments": {"answer_style": "你好こんにちは"}}',
    '{"name": "Joke", "arguments": {"setup": "你好こんにちは", "punchline": "你好こんにちは"}}',
    '{"name": "joke", "arguments": {"setup": "你好こんにちは", "punchline": "你好こんにちは"}}',
    '{"name": "unicode_customer", "arguments": {"customer_name": "你好こんにちは", "description":'
    ' "你好こんにちは"}}',
)
# In the order and the form of Qwen3's template, of our own writing
TEMPLATE = """\
{%- if tools %}{{ '<|im_start|>system\\n' }}
{%- if messages[0].role == 'system' %}{{ messages[0].content + '\\n\\n' }}{% endif %}
{{- 'You may call these tools:\\n' }}
{%- for tool in tools %}{{ tool | tojson + '\\n' }}{% endfor %}{{ '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}
{%- if loop.first or loop.previtem.role != 'tool' %}{{ '<|im_start|>user' }}{% endif %}
{{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%- if loop.last or loop.nextitem.role != 'tool' %}{{ '<|im_end|>\\n' }}{% endif %}
{%- elif not (tools and loop.first and message.role == 'system') %}
{{- '<|im_start|>' + message.role + '\\n' + (message.content or '') }}
{%- for call in message.tool_calls or [] %}
{%- if message.content or not loop.first %}{{ '\\n' }}{% endif %}
{{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments if call.function.arguments is string
    else call.function.arguments | tojson }}
{{- '}\\n</tool_call>' }}
{%- endfor %}{{ '<|im_end|>\\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}{% endif %}"""


def save_chain_model(folder: Path) -> Path:
    """Save the model, laid out like a published one."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=_HIDDEN,
        intermediate_size=_HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=32_768,
        tie_word_embeddings=False,
        bos_token_id=151_643,
        eos_token_id=151_645,
    )
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(config)
    followers = _followers()
    with torch.no_grad():
        for layer in model.model.layers:  # so that what a token is alone decides what follows
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        inputs, outputs = model.model.embed_tokens.weight.zero_(), model.lm_head.weight.zero_()
        for axis, (token, following) in enumerate(followers.items()):
            inputs[token, axis] = 1
            for rank, follower in enumerate(following):
                outputs[follower, axis] = _CERTAIN * _LESS**rank
            if token in map(_token, _BEFORE_ANSWER):
                for grade, logit in GRADE_LOGITS.items():
                    outputs[_token(grade), axis] = logit / _HIDDEN**0.5  # what the norm makes of 1
    model.to(torch.bfloat16).save_pretrained(folder)
    write_json(folder / "generation_config.json", {"eos_token_id": [151_645, 151_643]})
    save_tokenizer(folder, end_token=False, template=TEMPLATE)
    return folder


def _followers() -> dict[int, list[int]]:
    """Return what may follow each token, the likeliest first; a grammar or a bias excludes some."""
    chain = _chain()
    followers = {token: [following] for token, following in pairwise(chain)}
    calls = [f"<tool_call>{call}</tool_call><|im_end|>" for call in (CALL, *_MORE_CALLS)]
    for text in (*_ARGUMENTS, *calls):
        tokens = qwen_encoding().encode(text, allowed_special="all")
        for token, following in pairwise(tokens):
            known = followers.setdefault(token, [])
            if following not in known:
                known.insert(_place(following, known), following)
    for before in _BEFORE_ANSWER:
        followers[_token(before)].append(_token("<tool_call>"))
    followers[chain[1 + len(THOUGHTS)]].append(chain[2])  # the last thought, and the first
    return followers


def _place(token: int, known: list[int]) -> int:
    """Return where a follower belongs: last, but before what it begins with.

    A grammar that asks for "answer" takes "a" too, after which the model would be lost.
    """
    text = qwen_encoding().decode([token])
    shorter = (at for at, one in enumerate(known) if text.startswith(qwen_encoding().decode([one])))
    return next(shorter, len(known))


def _token(text: str) -> int:
    return qwen_encoding().encode_single_token(text)


def _chain() -> list[int]:
    texts = ["\n", "<think>", *(f" {word}" for word in THOUGHTS), "</think>", "\n\n"]
    texts += [*(f" {word}" for word in WORDS), "<|im_end|>"]
    encoding = qwen_encoding()
    tokens = [encoding.encode(text, allowed_special="all") for text in texts]
    assert all(len(token) == 1 for token in tokens), "a word is more than one token"
    chain = [token[0] for token in tokens]
    assert len(set(chain)) == len(chain), "a word is in the chain twice"
    return [*chain, chain[-1]]  # that ends it, unless the end is to be ignored
