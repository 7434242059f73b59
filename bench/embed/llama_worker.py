"""llama.cpp through its C interface: its own tokenizer, many texts in one
batch, no copies in Python but of ids and embeddings."""
import ctypes

import llama_cpp
import numpy

MAX_TEXTS = 64


def view(pointer, count, kind):
    return numpy.ctypeslib.as_array(
        ctypes.cast(pointer, ctypes.POINTER(kind)), (count,))


class LlamaCpp:
    def __init__(self, file, threads, max_tokens):
        llama_cpp.llama_log_set(silent, None)
        llama_cpp.llama_backend_init()
        self.max_tokens = max_tokens
        self.capacity = MAX_TEXTS * max_tokens
        self.model = llama_cpp.llama_model_load_from_file(
            file.encode(), llama_cpp.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"llama.cpp cannot load {file}")
        self.vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.width = llama_cpp.llama_model_n_embd(self.model)
        self.context = llama_cpp.llama_init_from_model(
            self.model, self.parameters(threads))
        self.batch = llama_cpp.llama_batch_init(self.capacity, 0, 1)
        self.ids = (llama_cpp.llama_token * (max_tokens * 4))()
        self.tokens = view(self.batch.token, self.capacity, ctypes.c_int32)
        self.positions = view(self.batch.pos, self.capacity, ctypes.c_int32)
        view(self.batch.n_seq_id, self.capacity, ctypes.c_int32)[:] = 1
        view(self.batch.logits, self.capacity, ctypes.c_int8)[:] = 1

    def parameters(self, threads):
        parameters = llama_cpp.llama_context_default_params()
        parameters.n_ctx = parameters.n_batch = self.capacity
        parameters.n_ubatch = self.capacity
        parameters.n_seq_max = MAX_TEXTS
        parameters.n_threads = parameters.n_threads_batch = threads
        parameters.embeddings = True
        parameters.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_MEAN
        return parameters

    def tokenize(self, text):
        utf8 = text.encode()
        count = llama_cpp.llama_tokenize(self.vocabulary, utf8, len(utf8),
                                         self.ids, len(self.ids), True, False)
        return self.ids[:min(count, self.max_tokens)]

    def fill(self, texts):
        end = 0
        for number, text in enumerate(texts):
            ids = self.tokenize(text)
            start, end = end, end + len(ids)
            self.tokens[start:end] = ids
            self.positions[start:end] = numpy.arange(len(ids))
            for i in range(start, end):
                self.batch.seq_id[i][0] = number
        self.batch.n_tokens = end

    def embed(self, texts):
        self.fill(texts)
        if llama_cpp.llama_encode(self.context, self.batch) != 0:
            raise SystemExit("llama.cpp: llama_encode failed")
        vectors = numpy.array([
            view(llama_cpp.llama_get_embeddings_seq(self.context, number),
                 self.width, ctypes.c_float) for number in range(len(texts))])
        return vectors / numpy.linalg.norm(vectors, axis=1, keepdims=True)


@llama_cpp.llama_log_callback
def silent(level, text, _):
    pass
