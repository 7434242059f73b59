"""The repositories that encoder.py imitates: which files each has, what they
say, and the texts. Sizes are the only thing that differs from the hub."""
import dataclasses

import torch

LETTERS = ([chr(c) for c in range(ord("a"), ord("z") + 1)]
           + ["##" + chr(c) for c in range(ord("a"), ord("z") + 1)]
           + list("0123456789") + ["##" + str(d) for d in range(10)]
           + list(".,!?'\"()-:;"))

ENGLISH = [
    "spider",
    "fear of spiders",
    "A man is playing the guitar on the stage.",
    "",
    "?",
    "The cat sat on the mat, and the dog did not mind.",
    "a person who studies insects",
    "How many people live in the old town by the river?",
    "caf\u00e9 na\u00efve R\u00c9SUM\u00c9 \u00c5ngstr\u00f6m",
    "It was the best of times -- it was the worst of times (1859).",
    "x",
    "Rain.\tRain.\nRain!",
    "The committee will meet on 24 November at 10:30; bring the papers.",
    "to run away secretly in order to be married",
    "unhappiness undervalues internationalisation",
    "\u65e5\u672c and \U0001f600 are not in the vocabulary",
    "[MASK] is a special token and [SEP] is another.",
    "The river is long and the old bridge over the river is narrow, so the "
    "people of the town walk to the other side in the morning and come home "
    "before the night.",
    "When the rain came the people of the old town went down to the river to "
    "see how high the water was. The man who kept the bridge said that it was "
    "not the first time, and not the worst; he had seen the water on the "
    "steps of the church. In the morning the water was gone.",
    "There was an old man by the river who played the guitar in the evening. "
    "The people of the town liked to hear him, and they would come and sit on "
    "the steps of the church until it was dark. One evening he did not come. "
    "The cat was there, and the dog, and the guitar was there, but not the "
    "man. The people looked for him in the town and by the river, and they "
    "asked at every house. In the morning a boy found a paper on the bridge. "
    "It said that he had gone to see the sea, that it was not far, and that "
    "he would be home before the rain. The people of the town did not know "
    "what to say. Some of them were angry, and some of them were sad, but the "
    "cat sat on the steps in the sun and did not mind at all; and when the "
    "rain came, the man came home with it, and he played the guitar.",
]

CHINESE = [
    "\u4eca\u5929\u5929\u6c14\u5f88\u597d",
    "\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427\u3002",
    "\u4e00\u4e2a\u7537\u4eba\u5728\u821e\u53f0\u4e0a\u5f39\u5409\u4ed6\u3002",
    "",
    "\u597d",
    "\u5317\u4eac\u662f\u4e2d\u56fd\u7684\u9996\u90fd\uff0c\u4eba\u53e3\u8d85"
    "\u8fc7\u4e24\u5343\u4e07\u3002",
    "\u8fd9\u4e2a\u95ee\u9898\u600e\u4e48\u89e3\u51b3\uff1f",
    "AnglE \u6a21\u578b\u53ef\u4ee5\u8ba1\u7b97\u53e5\u5b50\u7684\u5411\u91cf",
    "2023\u5e7410\u670827\u65e5",
    "\u5979\u559c\u6b22\u8bfb\u4e66\u3001\u542c\u97f3\u4e50\u548c\u65c5\u884c"
    "\uff01",
    "\u4ed6\u6bcf\u5929\u65e9\u4e0a\u516d\u70b9\u8d77\u5e8a\uff0c\u7136\u540e"
    "\u53bb\u516c\u56ed\u8dd1\u6b65\uff0c\u56de\u5bb6\u4ee5\u540e\u5403\u65e9"
    "\u996d\uff0c\u518d\u5750\u5730\u94c1\u53bb\u516c\u53f8\u4e0a\u73ed\u3002"
    "\u665a\u4e0a\u4ed6\u559c\u6b22\u5728\u5bb6\u91cc\u542c\u97f3\u4e50\u548c"
    "\u8bfb\u4e66\uff0c\u5468\u672b\u548c\u670b\u53cb\u4eec\u4e00\u8d77\u53bb"
    "\u65c5\u884c\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u4ed6\u4eec"
    "\u53bb\u4e86\u6d77\u8fb9\uff0c\u770b\u5230\u4e86\u5f88\u591a\u4eba\u3002",
]

RETRIEVAL = "Represent this sentence for searching relevant passages: "


@dataclasses.dataclass
class Model:
    name: str
    hidden: int
    heads: int
    intermediate: int
    layers: int
    positions: int
    texts: list = dataclasses.field(default_factory=lambda: ENGLISH)
    vocabulary_size: int = 200
    dtype: torch.dtype = torch.float32
    weights: str = "safetensors"  # or "bin", "shards"
    position_ids: bool = False  # a buffer that old checkpoints carry
    activation: str = "gelu"
    config: dict = dataclasses.field(default_factory=dict)  # beyond the usual
    tokenizer_json: bool = True
    vocab_txt: bool = True
    tokenizer_truncates: int = 0  # what tokenizer.json says, to be ignored
    tokenizer_config: dict = dataclasses.field(default_factory=dict)
    json_files: dict = dataclasses.field(default_factory=dict)
    # what these files mean
    max_tokens: int = 0
    pooling: str = "cls"
    pool_prompt: bool = True
    dense: bool = False
    normalize: bool = False
    prompts: dict = dataclasses.field(default_factory=dict)
    default_prompt: str = None
    # cases beyond the texts
    try_prompts: list = dataclasses.field(default_factory=list)
    try_dimensions: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        self.max_tokens = self.max_tokens or self.positions

    def files(self, vocab_size):
        config = {
            "architectures": ["BertModel"],
            "attention_probs_dropout_prob": 0.1,
            "classifier_dropout": None,
            "gradient_checkpointing": False,
            "hidden_act": self.activation,
            "hidden_dropout_prob": 0.1,
            "hidden_size": self.hidden,
            "initializer_range": 0.02,
            "intermediate_size": self.intermediate,
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": self.positions,
            "model_type": "bert",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "pad_token_id": 0,
            "position_embedding_type": "absolute",
            "torch_dtype": str(self.dtype).removeprefix("torch."),
            "transformers_version": "4.37.0",
            "type_vocab_size": 2,
            "use_cache": True,
            "vocab_size": vocab_size,
        }
        config.update(self.config)
        tokenizer = {
            "clean_up_tokenization_spaces": True,
            "cls_token": "[CLS]",
            "do_lower_case": True,
            "mask_token": "[MASK]",
            "model_max_length": self.positions,
            "pad_token": "[PAD]",
            "sep_token": "[SEP]",
            "strip_accents": None,
            "tokenize_chinese_chars": True,
            "tokenizer_class": "BertTokenizer",
            "unk_token": "[UNK]",
        }
        tokenizer.update(self.tokenizer_config)
        files = {"config.json": config, "tokenizer_config.json": tokenizer,
                 "special_tokens_map.json": SPECIAL_TOKENS_MAP}
        files.update(self.json_files)
        return {p: c for p, c in files.items() if c is not None}


SPECIAL_TOKENS_MAP = {
    "cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]",
    "sep_token": "[SEP]", "unk_token": "[UNK]"}

ADDED_TOKENS = {
    str(i): {"content": token, "lstrip": False, "normalized": False,
             "rstrip": False, "single_word": False, "special": True}
    for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}


def modules(*kinds):
    """modules.json as sentence-transformers 2 to 5 write it."""
    paths = [""] + [f"{i}_{kind}" for i, kind in enumerate(kinds) if i > 0]
    return [{"idx": i, "name": str(i), "path": path,
             "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(zip(kinds, paths))]


def pooling(width, mode, **more):
    """1_Pooling/config.json in the form of booleans."""
    names = ["cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
             "weightedmean_tokens", "lasttoken"]
    config = {"word_embedding_dimension": width}
    config.update({f"pooling_mode_{n}": n == mode for n in names})
    config.update(more)
    return config


def versions(sentence_transformers, transformers, pytorch, **more):
    return {"__version__": {"sentence_transformers": sentence_transformers,
                            "transformers": transformers, "pytorch": pytorch},
            **more}


# The two repositories that hold UAE-Large-V1 without a word on its pooling.
BARE = {"positions": 64, "hidden": 24, "heads": 2, "intermediate": 48,
        "layers": 1, "prompts": {"query": RETRIEVAL},
        "try_prompts": [RETRIEVAL + "{text}"]}

MODELS = [
    Model("mixedbread-ai/mxbai-embed-large-v1", hidden=48, heads=3,
          intermediate=96, layers=2, positions=128, dtype=torch.float16,
          config={"use_cache": False},
          tokenizer_config={"added_tokens_decoder": ADDED_TOKENS},
          json_files={
              "modules.json": modules("Transformer", "Pooling"),
              "1_Pooling/config.json": pooling(48, "cls_token",
                                               include_prompt=True),
              "sentence_bert_config.json": {"max_seq_length": 128,
                                            "do_lower_case": False},
              "config_sentence_transformers.json": versions(
                  "2.5.1", "4.37.0", "2.1.0+cu121",
                  prompts={"query": RETRIEVAL, "passage": ""},
                  default_prompt_name=None)},
          prompts={"query": RETRIEVAL, "passage": ""},
          try_prompts=["query", "passage", RETRIEVAL + "{text}",
                       'Summarize sentence "{text}" in one word:"'],
          try_dimensions=[1, 16, 47]),
    Model("WhereIsAI/UAE-Large-V1", hidden=32, heads=2, intermediate=64,
          layers=2, positions=256, vocabulary_size=150,
          config={"use_cache": False},
          tokenizer_config={"added_tokens_decoder": ADDED_TOKENS,
                            "do_basic_tokenize": True, "never_split": None},
          json_files={
              "modules.json": modules("Transformer", "Pooling"),
              "1_Pooling/config.json": pooling(32, "cls_token"),
              "sentence_bert_config.json": {"max_seq_length": 256,
                                            "do_lower_case": False},
              "config_sentence_transformers.json": versions(
                  "2.2.2", "4.36.2", "2.1.2+cu121")},
          prompts={}, try_prompts=[RETRIEVAL + "{text}"],
          try_dimensions=[8]),
    Model("odunola/UAE-Large-VI", **BARE),
    Model("karrar-alwaili/UAE-Large-V1", position_ids=True, **BARE),
    Model("SeanLee97/angle-bert-base-uncased-nli-en-v1", hidden=24, heads=2,
          intermediate=48, layers=1, positions=64, weights="bin",
          position_ids=True, pooling="cls_avg",
          config={"_name_or_path": "bert-base-uncased",
                  "transformers_version": "4.33.3"}),
    Model("SeanLee97/angle-roberta-wwm-base-zhnli-v1", hidden=32, heads=4,
          intermediate=64, layers=1, positions=64, texts=CHINESE,
          vocabulary_size=160,
          config={"_name_or_path": "hfl/chinese-roberta-wwm-ext",
                  "bos_token_id": 0, "eos_token_id": 2,
                  "directionality": "bidi", "output_past": True,
                  "pooler_fc_size": 768, "pooler_num_attention_heads": 12,
                  "pooler_num_fc_layers": 3, "pooler_size_per_head": 128,
                  "pooler_type": "first_token_transform",
                  "transformers_version": "4.34.0"},
          tokenizer_config={
              "added_tokens_decoder": ADDED_TOKENS,
              "model_max_length": 1000000000000000019884624838656},
          json_files={"added_tokens.json": {}}),
    # angle_config.json as angle_emb saves it beside a trained encoder.
    Model("local/angle-config", hidden=20, heads=2, intermediate=40, layers=1,
          positions=48, pooling="cls_avg",
          json_files={"angle_config.json": {
              "model_name_or_path": "bert-base-uncased", "max_length": 48,
              "model_kwargs": None, "pooling_strategy": "cls_avg",
              "lora_config_kwargs": None, "is_llm": False,
              "apply_billm": False, "billm_model_class": None,
              "apply_lora": False, "tokenizer_padding_side": None,
              "angle_emb_version": "0.4.3"}}),
    Model("local/sharded", hidden=24, heads=3, intermediate=48, layers=2,
          positions=64, weights="shards", max_tokens=40,
          tokenizer_truncates=16,
          json_files={
              "modules.json": modules("Transformer", "Pooling"),
              "1_Pooling/config.json": pooling(24, "mean_tokens",
                                               include_prompt=False),
              "sentence_bert_config.json": {"max_seq_length": 40,
                                            "do_lower_case": False},
              "config_sentence_transformers.json": versions(
                  "3.0.1", "4.41.0", "2.3.0",
                  prompts={"query": "query: ", "passage": "passage: "},
                  default_prompt_name="passage",
                  similarity_fn_name="cosine")},
          pooling="mean", pool_prompt=False,
          prompts={"query": "query: ", "passage": "passage: "},
          default_prompt="passage", try_prompts=["query", "{text}"]),
    Model("local/bf16-vocab-only", hidden=64, heads=2, intermediate=64,
          layers=1, positions=48, dtype=torch.bfloat16, tokenizer_json=False,
          vocabulary_size=140,
          pooling="lasttoken",
          json_files={
              "modules.json": modules("Transformer", "Pooling"),
              "1_Pooling/config.json": pooling(64, "lasttoken")}),
    Model("local/dense", hidden=24, heads=2, intermediate=48, layers=1,
          positions=64, vocab_txt=False, max_tokens=64,
          json_files={
              "special_tokens_map.json": None,
              "modules.json": modules("Transformer", "Pooling", "Dense",
                                      "Normalize"),
              "1_Pooling/config.json": pooling(24, "mean_tokens"),
              "2_Dense/config.json": {
                  "in_features": 24, "out_features": 18, "bias": True,
                  "activation_function":
                      "torch.nn.modules.activation.Tanh"},
              "sentence_bert_config.json": {"max_seq_length": 64,
                                            "do_lower_case": False}},
          pooling="mean", dense=True, normalize=True, try_dimensions=[5, 17]),
    # What sentence-transformers 6 writes; a width that no kernel likes.
    Model("local/gelu-new", hidden=36, heads=3, intermediate=52, layers=1,
          positions=32, activation="gelu_new", vocab_txt=False,
          vocabulary_size=140,
          config={"torch_dtype": None, "dtype": "float32",
                  "is_decoder": False, "add_cross_attention": False,
                  "tie_word_embeddings": True,
                  "transformers_version": "5.23.0"},
          tokenizer_config={"backend": "tokenizers", "is_local": True},
          json_files={
              "special_tokens_map.json": None,
              "modules.json": [
                  {"idx": 0, "name": "0", "path": "",
                   "type": "sentence_transformers.base.modules.transformer"
                           ".Transformer"},
                  {"idx": 1, "name": "1", "path": "1_Pooling",
                   "type": "sentence_transformers.sentence_transformer"
                           ".modules.pooling.Pooling"},
                  {"idx": 2, "name": "2", "path": "2_Normalize",
                   "type": "sentence_transformers.base.modules.normalize"
                           ".Normalize"}],
              "1_Pooling/config.json": {"embedding_dimension": 36,
                                        "pooling_mode": "max",
                                        "include_prompt": True},
              "2_Normalize/config.json": {
                  "module_input_name": "sentence_embedding",
                  "module_output_name": "sentence_embedding"},
              "sentence_bert_config.json": {
                  "transformer_task": "feature-extraction",
                  "modality_config": {"text": {
                      "method": "forward",
                      "method_output_name": "last_hidden_state"}},
                  "module_output_name": "token_embeddings"},
              "config_sentence_transformers.json": {
                  "__version__": {"pytorch": "2.15.0",
                                  "sentence_transformers": "6.2.0",
                                  "transformers": "5.23.0"},
                  "default_prompt_name": None,
                  "model_type": "SentenceTransformer",
                  "prompts": {"document": "", "query": "q: "},
                  "similarity_fn_name": "cosine"}},
          pooling="max", normalize=True,
          prompts={"document": "", "query": "q: "}, try_prompts=["query"]),
]
