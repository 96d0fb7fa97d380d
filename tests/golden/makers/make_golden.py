#!/usr/bin/env python3
"""Makes tests/golden/data: small model folders (make_model.py) and, for each, the vectors that the
original implementations give in float64 — transformers' modelling code for the encoder and
sentence-transformers' own modules for pooling, dense layers and normalization, one unpadded text at
a time. Also checks that committed folders are still what make_model.py makes.

  make_golden.py --check               # needs numpy only: folders equal their specs, vectors whole
  make_golden.py [CASE ...]            # needs torch, transformers, sentence_transformers >= 6

The tests need none of this; see tests/golden/README.md.
"""
import argparse
import ast
import hashlib
import json
import math
import os
import pathlib
import re
import sys
import tempfile

try:
    import make_golden_families
    import make_model
    import model_tokenizers
except ModuleNotFoundError as e:
    print(f'make_golden.py: skipped: {e} (install python3-numpy)', file=sys.stderr)
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[3]
DATA = ROOT / 'tests/golden/data'
LENGTHS = [2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65]  # and 1, and the longest

TINY = ['--layers', '2', '--hidden', '36', '--heads', '3', '--ffn', '68', '--max-positions', '72']
HEAD = ['--layers', '1', '--hidden', '24', '--heads', '3', '--ffn', '40', '--vocab', '100',
        '--max-positions', '72', '--no-pooler']
BERT, XLMR, BPE = (['--tokenizer', t] for t in ('wordpiece', 'sentencepiece', 'bpe'))

# case -> arguments of make_model.py. Kept small: the folders are committed.
CASES = {
    'bert': TINY + BERT + ['--vocab', '120', '--seed', '101'],
    'bert_gelu_new': TINY + BERT + ['--vocab', '120', '--seed', '102', '--activation', 'gelu_new',
                                    '--no-pooler'],
    'bert_relu_5heads': ['--layers', '3', '--hidden', '45', '--heads', '5', '--ffn', '67',
                         '--vocab', '110', '--max-positions', '66', '--seed', '103',
                         '--activation', 'relu', '--eps', '1e-6', '--no-pooler',
                         '--no-modules', '--max-seq-length', '66'] + BERT,
    'bert_f16': TINY + BERT + ['--vocab', '120', '--seed', '104', '--dtype', 'f16',
                               '--no-pooler'],
    'bert_bf16_prefix': TINY + BERT + ['--vocab', '120', '--seed', '105', '--dtype', 'bf16',
                                       '--prefix'],
    'bert_sharded_gamma_beta': TINY + BERT + ['--vocab', '120', '--seed', '106', '--shards', '3',
                                              '--gamma-beta', '--prefix', '--no-pooler'],
    'distilbert': TINY + BERT + ['--family', 'distilbert', '--vocab', '120', '--seed', '107'],
    'distilbert_prefix': TINY + BERT + ['--family', 'distilbert', '--vocab', '110', '--seed', '108',
                                        '--prefix', '--activation', 'relu', '--dtype', 'f16'],
    'roberta': TINY + BPE + ['--family', 'roberta', '--vocab', '280', '--seed', '109', '--prefix',
                             '--no-pooler'],
    'roberta_pad5': TINY + ['--family', 'roberta', '--vocab', '150', '--seed', '110', '--pad-id',
                            '5', '--tokenizer', 'none', '--dtype', 'f16'],
    'xlm_roberta': TINY + XLMR + ['--family', 'xlm-roberta', '--vocab', '130', '--seed', '111'],
    'camembert': TINY + XLMR + ['--family', 'camembert', '--vocab', '130', '--seed', '112',
                                '--prefix', '--dtype', 'bf16'],
    'pool_cls': HEAD + BERT + ['--seed', '201', '--pooling', 'cls', '--pooling-keys', 'oldest'],
    'pool_max': HEAD + BERT + ['--seed', '202', '--pooling', 'max'],
    'pool_mean_sqrt_len': HEAD + BERT + ['--seed', '203', '--pooling', 'mean_sqrt_len_tokens',
                                         '--no-normalize'],
    'pool_weightedmean': HEAD + BERT + ['--seed', '204', '--pooling', 'weightedmean'],
    'pool_lasttoken': HEAD + BERT + ['--seed', '205', '--pooling', 'lasttoken'],
    'pool_new_keys': HEAD + BERT + ['--seed', '206', '--pooling', 'weightedmean', '--pooling-keys',
                                    'new', '--module-types', 'new'],
    # In legacy keys sentence-transformers joins in its own fixed order, in new ones as listed.
    'concat_legacy': HEAD + BERT + ['--seed', '207', '--pooling',
                                    'mean,cls,lasttoken,max,weightedmean,mean_sqrt_len_tokens'],
    'concat_new_keys': HEAD + BERT + ['--seed', '208', '--pooling', 'mean,cls,max',
                                      '--pooling-keys', 'new', '--module-types', 'new'],
    'dense_tanh_identity': HEAD + BERT + ['--seed', '209', '--dense', '31:Tanh', '--dense',
                                          '17:Identity'],
    'dense_nobias': HEAD + BERT + ['--seed', '210', '--dense', '48:Identity:nobias'],
    'dense_activations': HEAD + BERT + ['--seed', '211', '--pooling', 'mean,max', '--dense',
                                        '40:Sigmoid', '--dense', '33:GELU', '--dense', '30:ReLU',
                                        '--dense', '20:SiLU:nobias', '--module-types', 'new'],
    'dense_residual': HEAD + BERT + ['--seed', '212', '--dense', '24:Tanh:residual', '--dense',
                                     '15:SiLU:residual:nobias', '--module-types', 'new'],
    # Real shapes: too large to commit, made again from the seed where a test needs them.
    'minilm_shape': ['--preset', 'minilm', '--vocab', '30522', '--tokenizer', 'none', '--seed',
                     '301', '--max-seq-length', '512'],
    'deep_narrow_cls': ['--layers', '12', '--hidden', '192', '--heads', '3', '--ffn', '768',
                        '--vocab', '30522', '--tokenizer', 'none', '--seed', '302', '--pooling',
                        'cls', '--max-seq-length', '512'],
}
LARGE = {'minilm_shape', 'deep_narrow_cls'}
# Texts for a vocabulary that is not in the folder: tokenizer files under EMBEDTOOL_SHARED.
REAL_TOKENIZER = {'minilm_shape': 'all-MiniLM-L6-v2'}
TOKEN_STATES = {n for n in CASES if CASES[n][:len(TINY)] == TINY}  # token states in two items
LARGE_LENGTHS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17, 20, 24, 29, 31, 32, 33, 40, 48,
                 63, 64, 65, 96, 127, 128, 129, 256, 511]


def digest(folder):
    """SHA-256 over the weight files' bytes, by path: tells a changed generator from a wrong
    encoder."""
    h = hashlib.sha256()
    for f in sorted(folder.rglob('*.safetensors')):
        h.update(f.relative_to(folder).as_posix().encode() + b'\0' + f.read_bytes())
    return h.hexdigest()


# --- inputs ---------------------------------------------------------------------------------------


def load_tokenizer(name, folder, a):
    """The family's own slow tokenizer, which needs no compiled code; None without files."""
    import transformers
    if name in REAL_TOKENIZER:
        shared = pathlib.Path(os.environ.get('EMBEDTOOL_SHARED', ROOT.parent / 'shared'))
        return transformers.BertTokenizer(shared / 'data/tokenizers' / REAL_TOKENIZER[name] /
                                          'vocab.txt')
    if a.tokenizer == 'none':
        return None
    if a.tokenizer == 'wordpiece':
        return transformers.BertTokenizer.from_pretrained(folder)
    name = {'roberta': 'RobertaTokenizer', 'camembert': 'CamembertTokenizer'}.get(
        a.family, 'XLMRobertaTokenizer')
    return getattr(transformers, name).from_pretrained(folder)


def word_pool(name, tokenizer):
    """Words to make texts of: of a real vocabulary its own, else the made-up ones."""
    if name in REAL_TOKENIZER:
        return [w for w in tokenizer.get_vocab() if re.fullmatch('[a-z]{2,}|##[a-z]{3,}', w)]
    source = model_tokenizers.words()
    return [next(source) for _ in range(60)]


def text_of_length(tokenizer, pool, length, pick, accents):
    """A text of words, compounds, accents, marks and capitals that has exactly `length` tokens."""
    out, ids = [], tokenizer('')['input_ids']
    tries = 0
    while len(ids) < length:
        tries += 1
        n = pick()
        word = pool[n % len(pool)] if tries < 400 else 'abdeijo'[n % 7]
        if n % 11 == 0:
            word += ',.?!'[n % 4]
        if word.startswith('##'):
            word = pool[pick() % len(pool)].lstrip('#') + word[2:]
        word = word.capitalize() if n % 7 == 0 else word
        word = word.replace('e', '\u00e9') if accents and n % 23 == 0 else word
        trial = tokenizer(' '.join(out + [word]))['input_ids']
        if len(trial) <= length:
            out, ids = out + [word], trial
        elif tries > 2000:
            return None
    return ' '.join(out), ids


def picker(key):
    """A counter over a seeded stream: pick() gives the next non-negative integer."""
    state = [0]

    def pick():
        state[0] += 1
        return int(make_model.splitmix64(key, state[0], 1)[0] >> make_model.np.uint64(33))
    return pick


def inputs_of(name, folder, a):
    """Items {text?, input_ids}: texts of every interesting length and raw id sequences (one token,
    the longest, ids from the whole vocabulary, special ones and the last included)."""
    pick, items = picker(make_model.stream_key(9, name)), []
    tokenizer = load_tokenizer(name, folder, a)
    pool = word_pool(name, tokenizer)
    for n in LARGE_LENGTHS if name in LARGE else LENGTHS:
        made = None
        if tokenizer and n > 1:
            made = text_of_length(tokenizer, pool, n, pick, accents=name in REAL_TOKENIZER)
        if made:
            items.append(dict(text=made[0], input_ids=made[1]))
        else:
            items.append(dict(input_ids=random_ids(n, a, pick)))
    items.append(dict(input_ids=random_ids(1, a, pick)))
    items.append(dict(input_ids=random_ids(a.max_positions, a, pick)))
    if name not in LARGE:
        items.append(dict(input_ids=[a.vocab - 1, *random_ids(20, a, pick), a.vocab - 1]))
    return items


def random_ids(n, a, pick):
    """Ids of the whole vocabulary. RoBERTa's kind gives a pad id no position of its own, a rule for
    padded batches, so its pad id is left out there; in BERT's it is a token like any other."""
    offset = make_model.FAMILIES[a.family]['offset']
    ids = []
    while len(ids) < n:
        i = pick() % a.vocab
        if not (offset and i == a.pad_id):
            ids.append(i)
    return ids


# --- references -----------------------------------------------------------------------------------


def load_reference(folder):
    """(encoder, head modules), all by their own loaders, in float64."""
    import torch
    import transformers
    from sentence_transformers.base.modules.dense import Dense
    from sentence_transformers.base.modules.normalize import Normalize
    from sentence_transformers.sentence_transformer.modules.pooling import Pooling
    transformers.logging.set_verbosity_error()
    encoder, info = transformers.AutoModel.from_pretrained(folder, torch_dtype=torch.float32,
                                                           output_loading_info=True)
    # Only the unused pooler and heads may be missing or left over.
    loose = [k for kind in ('missing_keys', 'unexpected_keys', 'mismatched_keys')
             for k in info[kind] if 'pooler.' not in k and not k.startswith('cls.')]
    if loose:
        sys.exit(f'make_golden.py: {folder}: not loaded as meant: {loose}')
    classes, chain = dict(Pooling=Pooling, Dense=Dense, Normalize=Normalize), []
    if (folder / 'modules.json').is_file():
        for m in json.loads((folder / 'modules.json').read_text())[1:]:
            if not m['type'].endswith('.Normalize'):  # the file gives both sides of it
                cls = classes[m['type'].rsplit('.', 1)[1]]
                chain.append(cls.load(str(folder), subfolder=m['path']).double().eval())
    else:
        chain.append(Pooling(encoder.config.hidden_size, 'mean'))
    return encoder.double().eval(), chain


def run_reference(encoder, chain, ids, dtype):
    """Token states and pooled vector of one unpadded sequence, as float64 tensors."""
    import torch
    x = torch.tensor([ids])
    mask = torch.ones_like(x)
    with torch.no_grad():
        encoder.to(dtype)
        tokens = encoder(input_ids=x, attention_mask=mask).last_hidden_state
        features = dict(token_embeddings=tokens, attention_mask=mask)
        for module in chain:
            features = module.to(dtype)(features)
    return tokens[0].double(), features['sentence_embedding'][0].double()


def rounded(values):
    """Thirteen digits: seven more than the contract's tolerance needs, a third less to commit."""
    return [float(f'{v:.13g}') for v in values]


def make_case(name, note):
    import torch
    import transformers
    import sentence_transformers
    case = DATA / name
    case.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / 'model' if name in LARGE else case / 'model'
        a = make_model.resolve(make_model.parser(), [str(folder)] + CASES[name])
        make_model.make_model([str(folder)] + CASES[name])
        items = inputs_of(name, folder, a)
        encoder, chain = load_reference(folder)
        worst, unit = 0.0, []
        for item in items:
            tokens, pooled = run_reference(encoder, chain, item['input_ids'], torch.float64)
            normalized = torch.nn.functional.normalize(pooled, p=2, dim=-1)
            unit.append(normalized)
            item['pooled'] = rounded(pooled.tolist())
            if len(item['input_ids']) in (3, 7) and name in TOKEN_STATES:
                item['token_embeddings'] = [rounded(r) for r in tokens.tolist()]
        # The same code in float32 shows how much of the tolerance rounding alone takes.
        for item, reference in zip(items, unit):
            _, f32 = run_reference(encoder, chain, item['input_ids'], torch.float32)
            f32 = torch.nn.functional.normalize(f32, p=2, dim=-1)
            worst = max(worst, float((f32 - reference).abs().max()))
        implementation = (f'{type(encoder).__module__}.{type(encoder).__name__} of transformers '
                          f'{transformers.__version__} and '
                          f'{" + ".join(type(m).__name__ for m in chain)} of sentence-transformers '
                          f'{sentence_transformers.__version__}, torch {torch.__version__}, '
                          f'float64, one unpadded sequence at a time{note}')
        golden = dict(source=implementation, spec=CASES[name], weights_sha256=digest(folder),
                      float32_max_abs=float(f'{worst:.3g}'), items=items)
    lines = ',\n'.join('  ' + json.dumps(i, ensure_ascii=False) for i in golden.pop('items'))
    text = ',\n'.join(f' {json.dumps(k)}: {json.dumps(v)}' for k, v in golden.items())
    text = '{\n' + text + f',\n "items": [\n{lines}\n ]\n}}\n'
    (case / 'golden.json').write_text(text, encoding='utf-8')
    e = torch.stack(unit)
    cosines = (e @ e.T)[~torch.eye(len(e), dtype=torch.bool)]
    print(f'{name}: {len(items)} items, float32 max abs {worst:.2g}, cosine of pairs '
          f'{cosines.min():.3f}..{cosines.mean():.3f}..{cosines.max():.3f}')


# --- check ----------------------------------------------------------------------------------------


def files_of(folder):
    return {f.relative_to(folder).as_posix(): f.read_bytes()
            for f in folder.rglob('*') if f.is_file()}


def check_case(name):
    """Problems of one committed case; an empty list when it is sound."""
    try:
        golden = json.loads((DATA / name / 'golden.json').read_text(encoding='utf-8'))
    except FileNotFoundError:
        return ['golden.json is missing']
    problems = [] if golden['spec'] == CASES[name] else ['spec differs from the table']
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_model.make_model([scratch + '/model'] + CASES[name])
        if digest(folder) != golden['weights_sha256']:
            problems.append('the generator gives other weights')
        if name not in LARGE and files_of(folder) != files_of(DATA / name / 'model'):
            problems.append('the committed folder differs from its spec')
    for i, item in enumerate(golden['items']):
        norm = math.sqrt(sum(v * v for v in item['pooled']))
        if not (item['input_ids'] and 0 < norm < math.inf):
            problems.append(f'item {i} is not usable')
    return problems


def cases_of(maker):
    """The names in another maker's table, which is read, not imported: it may need packages that
    are not here."""
    tree = ast.parse((pathlib.Path(__file__).parent / maker).read_text())
    tables = [n.value for n in tree.body if isinstance(n, ast.Assign) and
              getattr(n.targets[0], 'id', '') == 'CASES']
    return {key.value for table in tables for key in table.keys}


def check(names):
    bad = 0
    for name in names:
        problems = check_case(name)
        bad += bool(problems)
        for p in problems:
            print(f'{name}: {p}')
    stray = sorted({d.name for d in DATA.iterdir() if d.is_dir()} - CASES.keys() -
                   make_golden_families.CASES.keys() -
                   cases_of('make_golden_transformers.py') - cases_of('make_torch_bins.py'))
    for name in stray:
        print(f'{name}: not in the table of cases')
    print(f'{len(names) - bad} of {len(names)} golden cases are sound')
    return 1 if bad or stray else 0


def main():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('case', nargs='*', choices=[[], *CASES], help='default: all')
    p.add_argument('--check', action='store_true')
    p.add_argument('--note', default='', help='joined to the recorded source, such as a commit')
    a = p.parse_args()
    names = a.case or list(CASES)
    if a.check:
        return check(names)
    for name in names:
        make_case(name, a.note and '; ' + a.note)
    return 0


if __name__ == '__main__':
    sys.exit(main())
