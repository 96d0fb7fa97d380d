// Texts and tokenizers made to tell implementations apart, the same in every run.
import fs from 'node:fs';
import path from 'node:path';

/** A small seeded generator (mulberry32): numbers from 0 to n-1. */
export function makeRandom(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

// Blocks that normalization, cutting or matching treats in a way of its own.
const BLOCKS = [
  [0x00, 0x7f], [0x80, 0xff], [0x100, 0x24f], [0x300, 0x36f], [0x370, 0x5ff], [0x600, 0x8ff],
  [0x900, 0xdff], [0xe00, 0xfff], [0x1100, 0x11ff], [0x1e00, 0x1fff], [0x2000, 0x206f],
  [0x20a0, 0x2bff], [0x3000, 0x30ff], [0x3400, 0x3420], [0x4e00, 0x4f00], [0xa640, 0xa9ff],
  [0xac00, 0xad00], [0xf900, 0xfaff], [0xfe00, 0xffef], [0x10000, 0x100ff], [0x11000, 0x11fff],
  [0x1d100, 0x1d1ff], [0x1e000, 0x1e9ff], [0x1f300, 0x1faff], [0x20000, 0x20010],
  [0x2b7f0, 0x2b930], [0x2f800, 0x2fa1f], [0xe0000, 0xe01ff], [0x0, 0x10ffff],
];
const WORDS = ['the', 'Unaffable', 'İstanbul', 'ΣΑΣ', 'naïve', 'ﬁne', '日本', 'x'.repeat(101),
  'a'.repeat(100), '[MASK]', '[SEP]', '<mask>', '</s>', '[CLS', '##ing', "don't", '...', '\u0301',
  'Å', '\u0f73', 'q\u0307\u0323', 'Ωmega', '[unused1]', 'tok', 'tokk', 'TOK', 'New York', '...'];

// Characters whose class two libraries may see differently, their tables being of different years:
// kept out where a regular expression's idea of a word matters.
const RECENT = /[\p{Cn}\uA7CB-\uA7DC\u{10D00}-\u{1CFFF}\u{1E000}-\u{1EFFF}]/u;

function randomText(random, old = false) {
  let text = '';
  for (let n = random(24); n > 0; --n) {
    if (random(4) === 0) {
      text += WORDS[random(WORDS.length)];
    } else {
      const [first, last] = BLOCKS[random(BLOCKS.length)];
      for (let k = 1 + random(6); k > 0; --k) {
        const c = first + random(last - first + 1);
        const character = c < 0xd800 || c > 0xdfff ? String.fromCodePoint(c) : '';
        if (!old || !RECENT.test(character)) text += character;
      }
    }
    if (random(3) === 0) text += [' ', '  ', '\n', '\t', '\u00a0', '\u3000'][random(6)];
  }
  return text;
}

function writeLines(file, texts) {
  const lines = texts.map((text, i) => JSON.stringify({id: String(i), text}));
  fs.writeFileSync(file, lines.join('\n') + '\n');
}

/** Every code point between two letters, sixty-four to a text. */
function everyCodePoint() {
  const texts = [];
  let text = '';
  for (let c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    text += `a${String.fromCodePoint(c)}b `;
    if (c % 64 === 63) {
      texts.push(text);
      text = '';
    }
  }
  return texts;
}

/** A tokenizer whose four words show what became of the character between two letters. */
function letterTokenizer(normalizer) {
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer,
    pre_tokenizer: {type: 'BertPreTokenizer'}, post_processor: null, decoder: null,
    model: {type: 'WordPiece', unk_token: 'U', continuing_subword_prefix: '##',
      max_input_chars_per_word: 100, vocab: {U: 0, a: 1, b: 2, '##b': 3, '##a': 4}},
  };
}

/** Variants of a real tokenizer.json: every switch, and added tokens of every kind. */
function variants(base) {
  const made = [];
  for (let bits = 0; bits < 8; ++bits) {
    for (const stripAccents of [null, true, false]) {
      const normalizer = {type: 'BertNormalizer', clean_text: (bits & 1) > 0,
        handle_chinese_chars: (bits & 2) > 0, strip_accents: stripAccents,
        lowercase: (bits & 4) > 0};
      made.push({...base, normalizer});
    }
  }
  const kinds = [];
  for (const content of ['tok', 'TOK', 'tokk', 'New York', 'é', '日', '...', 'ing']) {
    for (let bits = 0; bits < 16; ++bits) {
      kinds.push({content, single_word: (bits & 1) > 0, lstrip: (bits & 2) > 0,
        rstrip: (bits & 4) > 0, normalized: (bits & 8) > 0, special: false});
    }
  }
  for (let bits = 0; bits < 16; ++bits) {
    // One token of each content, its switches rotated.
    const added = kinds.filter((token, i) => i % 16 === (bits + (i >> 4) * 5) % 16)
      .map((token, i) => ({id: base.model.vocab[token.content] ?? 30522 + i, ...token}));
    made.push({...base, added_tokens: [...base.added_tokens, ...added]});
  }
  made.push({...base, normalizer: null}, {...base, pre_tokenizer: null});
  return made;
}

/** GPT-2's visible alphabet, by byte. */
function byteAlphabet() {
  let next = 256;
  return Array.from({length: 256}, (_, b) => String.fromCodePoint(
    (b >= 33 && b <= 126) || (b >= 0xa1 && b <= 0xac) || b >= 0xae ? b : next++));
}

const byteLevel = (useRegex, addPrefixSpace = false) =>
  ({type: 'ByteLevel', add_prefix_space: addPrefixSpace, trim_offsets: true, use_regex: useRegex});

/** A byte-level tokenizer whose tokens show every byte of the normalized text, and whether a
 *  character is in one word with the a, 1 or ! before it. */
function byteTokenizer(normalizer, ...preTokenizers) {
  const alphabet = byteAlphabet();
  const vocab = Object.fromEntries(alphabet.map((c, i) => [c, i]));
  const merges = [];
  for (const before of 'a1!') {
    for (const c of alphabet) {
      vocab[before + c] = 256 + merges.length;
      merges.push(`${before} ${c}`);
    }
  }
  return {
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer,
    pre_tokenizer: {type: 'Sequence', pretokenizers: preTokenizers},
    post_processor: null, decoder: null,
    model: {type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null,
      end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, vocab, merges},
  };
}

/** A charsmap with one rule, "a" to "b", as base64. */
function smallCharsmap() {
  const units = new Uint32Array(512).fill(0x80000000);
  units[0] = 256 << 10;  // the root's base
  units[256 ^ 97] = ((((256 ^ 97) ^ 64) << 10) | 0x100 | 97) >>> 0;
  units[64] = 0x80000000;  // the replacement is at 0 in the pool
  const size = Buffer.alloc(4);
  size.writeUInt32LE(units.byteLength);
  return Buffer.concat([size, Buffer.from(units.buffer), Buffer.from('b\0')]).toString('base64');
}

const QWEN2 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+" +
  '[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** One tokenizer for every component, by name. */
function components() {
  const plain = byteLevel(false);
  const split = (regex) => ({type: 'Split', pattern: {Regex: regex}, behavior: 'Isolated', invert: false});
  const made = {
    gpt2: byteTokenizer(null, byteLevel(true)),
    'gpt2-prefix': byteTokenizer(null, byteLevel(true, true)),
    qwen2: byteTokenizer({type: 'NFC'}, split(QWEN2), plain),
    llama3: byteTokenizer(null, split(QWEN2.replace('\\p{N}|', '\\p{N}{1,3}|')), plain),
    whitespace: byteTokenizer(null, {type: 'Whitespace'}, plain),
    'whitespace-split': byteTokenizer(null, {type: 'WhitespaceSplit'}, plain),
    digits: byteTokenizer(null, {type: 'Digits', individual_digits: true}, plain),
    numbers: byteTokenizer(null, {type: 'Digits', individual_digits: false}, plain),
    charsmap: byteTokenizer({type: 'Precompiled', precompiled_charsmap: smallCharsmap()}, plain),
    replace: byteTokenizer({type: 'Sequence', normalizers: [
      {type: 'Prepend', prepend: '\u2581'}, {type: 'Replace', pattern: {Regex: ' {2,}'}, content: ' '},
      {type: 'Strip', strip_left: true, strip_right: true}]}, plain),
  };
  for (const type of ['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt']) {
    made[type.toLowerCase()] = byteTokenizer({type}, plain);
  }
  for (const behavior of ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']) {
    made[`punctuation-${behavior}`] = byteTokenizer(null, {type: 'Punctuation', behavior}, plain);
  }
  return made;
}

/** Variants of a Unigram tokenizer: Metaspace in every way. */
function metaspaces(base) {
  const made = {};
  for (const scheme of ['always', 'first', 'never']) {
    for (const split of [true, false]) {
      made[`${scheme}-${split}`] = {...base, pre_tokenizer:
        {type: 'Metaspace', replacement: '\u2581', prepend_scheme: scheme, split}};
    }
  }
  made.bytes = {...base, model: {...base.model, byte_fallback: true, vocab: [...base.model.vocab,
    ...Array.from({length: 256}, (_, b) =>
      [`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`, -20])]}};
  return made;
}

/** Every code point where a mark, a word, a blank or a decomposition shows what it is. */
function everyRole(every) {
  const texts = [];
  let text = '';
  for (let c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    const x = String.fromCodePoint(c);
    text += `a${x}\u0334 1${x} !${x}\u0301\u3099${x}. ${x}a\u0301 `;
    if (c % 16 === 15) {
      if (Math.floor(c / 16) % every === 0) texts.push(text);
      text = '';
    }
  }
  return texts;
}

/** Writes the made texts and tokenizers below `folder`. */
export function makeTexts(folder, realTokenizer, count, every, unigram) {
  const random = makeRandom(20240607);
  writeLines(path.join(folder, 'random.jsonl'), Array.from({length: count}, () => randomText(random)));
  writeLines(path.join(folder, 'random-few.jsonl'), Array.from({length: 3000}, () => randomText(random, true)));
  writeLines(path.join(folder, 'every-code-point.jsonl'), everyCodePoint());
  const write = (name, tokenizer) =>
    fs.writeFileSync(path.join(folder, name), JSON.stringify(tokenizer));
  for (const [clean, chinese, strip, lower] of [[1, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]) {
    write(`letters-${clean}${chinese}${strip}${lower}.json`, letterTokenizer({
      type: 'BertNormalizer', clean_text: !!clean, handle_chinese_chars: !!chinese,
      strip_accents: !!strip, lowercase: !!lower}));
  }
  writeLines(path.join(folder, 'every-role.jsonl'), everyRole(every));
  for (const [name, tokenizer] of Object.entries(components())) write(`part-${name}.json`, tokenizer);
  const pieces = JSON.parse(fs.readFileSync(unigram));
  for (const [name, tokenizer] of Object.entries(metaspaces(pieces))) {
    write(`metaspace-${name}.json`, tokenizer);
  }
  const base = JSON.parse(fs.readFileSync(realTokenizer));
  variants(base).forEach((tokenizer, i) =>
    write(`variant-${String(i).padStart(2, '0')}.json`, tokenizer));
}
