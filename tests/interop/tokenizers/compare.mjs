// Compares token ids with those of other implementations:
//   compare.mjs make FOLDER TOKENIZER COUNT EVERY UNIGRAM
//                                                  texts and tokenizers made for the purpose
//   compare.mjs vocab VOCAB.TXT LOWERCASE OUT      a tokenizer.json of a vocab.txt
//   compare.mjs check rust|js TOKENIZER TEXTS OURS ids in OURS against those of an implementation
// TEXTS is JSONL with a field `text`, OURS what `embedtool tokenize` made of it.
import {createRequire} from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import {makeTexts} from './texts.mjs';

/** The Rust library behind Python's, without its truncation and padding. */
function rust(file) {
  const {Tokenizer} = createRequire(import.meta.url)('@anush008/tokenizers');
  const tokenizer = Tokenizer.fromFile(file);
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  return async (text) => (await tokenizer.encode(text, null, {addSpecialTokens: true})).getIds();
}

/** The JavaScript library of transformers.js. */
async function js(file) {
  const {Tokenizer} = await import('@huggingface/tokenizers');
  const config = path.join(path.dirname(file), 'tokenizer_config.json');
  const tokenizer = new Tokenizer(JSON.parse(fs.readFileSync(file)),
    fs.existsSync(config) ? JSON.parse(fs.readFileSync(config)) : {});
  return async (text) => tokenizer.encode(text).ids;
}

// Where the JavaScript library is known to differ from the Rust one, whose ids are the ones that
// models saw: it begins CJK extension E at U+2B820, not U+2B920; it takes classes from a later
// Unicode than 8; and it lower-cases a final capital sigma by its context.
const JS_DIFFERS = new RegExp('[\\u{2B820}-\\u{2B91F}\\u{61D}\\u{890}-\\u{8E2}\\u{180F}\\u{1885}' +
  '\\u{1886}\\u{1ABF}-\\u{1ACE}\\u{1DF6}-\\u{1DFB}\\u{2E43}-\\u{2E5D}\\u{10D24}-\\u{10F89}' +
  '\\u{11000}-\\u{11FFF}\\u{1E000}-\\u{1E95F}\\u03A3]', 'u');

function vocabTokenizer(file, lowercase) {
  const vocab = {};
  fs.readFileSync(file, 'utf8').split('\n').forEach((line, id, all) => {
    if (id < all.length - 1 || line) vocab[line.replace(/\r$/, '')] = id;
  });
  const flags = {single_word: false, lstrip: false, rstrip: false, normalized: false, special: true};
  const piece = (id) => ({SpecialToken: {id, type_id: 0}});
  return {
    version: '1.0', truncation: null, padding: null,
    added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']
      .map((content) => ({id: vocab[content], content, ...flags})),
    normalizer: {type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true,
      strip_accents: null, lowercase},
    pre_tokenizer: {type: 'BertPreTokenizer'},
    post_processor: {type: 'BertProcessing', sep: ['[SEP]', vocab['[SEP]']],
      cls: ['[CLS]', vocab['[CLS]']]},
    decoder: null,
    model: {type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##',
      max_input_chars_per_word: 100, vocab},
  };
}

const same = (a, b) => a.length === b.length && a.every((id, i) => id === b[i]);

// The Rust library defines tokenizer.json. Where the JavaScript one departs from it (it knows fewer
// of the ideographs that stand alone, and looks the template's tokens up in the vocabulary where
// the file gives their ids), it is not followed: such texts are counted as known deviations.
async function check(which, tokenizer, texts, ours) {
  const reference = rust(tokenizer);
  const encode = which === 'rust' ? reference : await js(tokenizer);
  const oursLines = readline.createInterface({input: fs.createReadStream(ours)});
  const next = oursLines[Symbol.asyncIterator]();
  let [count, tokens, known, different] = [0, 0, 0, 0];
  for await (const line of readline.createInterface({input: fs.createReadStream(texts)})) {
    if (!line) continue;
    const {text} = JSON.parse(line);
    const answer = await next.next();
    const got = answer.done ? [] : JSON.parse(answer.value).input_ids;
    const want = await encode(text);
    ++count;
    tokens += want.length;
    if (!answer.done && same(want, got)) continue;
    const settled = which === 'js' && (JS_DIFFERS.test(text) || same(await reference(text), got));
    if (settled) {
      ++known;
    } else if (++different <= 1) {
      console.log(`  text ${count}: ${JSON.stringify(text.slice(0, 200))}\n    want ${want.slice(0, 40)}` +
        `\n    have ${got.slice(0, 40)}`);
    }
  }
  if (!(await next.next()).done) ++different;
  const name = path.basename(path.dirname(tokenizer)) + '/' + path.basename(tokenizer);
  console.log(`${different ? 'DIFFERENT' : 'equal'} ${which} ${name} ${path.basename(texts)}: ` +
    `${count} texts, ${tokens} tokens, ${different} different, ${known} known deviations`);
  process.exitCode = different || count === 0 ? 1 : 0;
}

const [mode, ...args] = process.argv.slice(2);
if (mode === 'make') {
  makeTexts(args[0], args[1], Number(args[2]), Number(args[3]), args[4]);
} else if (mode === 'vocab') {
  fs.writeFileSync(args[2], JSON.stringify(vocabTokenizer(args[0], args[1] === 'true')));
} else {
  await check(...args);
}
