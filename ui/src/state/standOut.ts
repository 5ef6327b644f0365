/** A stretch of an argument; what a person looks for first is marked. */
export type Run = { text: string; marked: boolean };

/** Each pattern begins where a word begins and repeats within bounds, so that long texts cost little. */
const ANYWHERE: RegExp[] = [
  // Web and other addresses.
  /(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,15}:\/\/[^\s"'<>`\\]+/gi,
  /(?<![\w.-])(?:[a-z0-9-]{1,63}\.){1,8}(?:app|at|ch|cn|co|com|de|dev|edu|eu|fr|gov|info|io|net|org|ru|uk|us|xyz)(?![\w-])(?::\d{1,5})?(?:\/[^\s"'<>`\\]*)?/gi,
  /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])(?::\d{1,5})?/g,
  /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}/g,
  // Paths from the root, from home, from here; of Windows; of another computer.
  /(?<![\w/~.:<\\-])(?:~|\.{1,2})?\/[^\s/"'`<>|;,()][^\s"'`<>|;,()]*/g,
  /(?<!\w)[a-z]:[\\/][^\s"'`<>|;,()]*/gi,
  /(?<![\w\\])\\\\[^\s\\"'`<>|;,()]+\\[^\s"'`<>|;,()]*/g,
  // Money.
  /(?:[€$£¥₹₽]|(?<!\w)(?:EUR|USD|GBP|CHF|JPY|CAD|AUD|INR|CNY|BTC|ETH))[ \u00A0]?\d[\d.,'’]*/g,
  /(?<![\d.,])\d[\d.,'’]*[ \u00A0]?(?:[€$£¥₹₽]|(?:EUR|USD|GBP|CHF|JPY|CAD|AUD|INR|CNY|BTC|ETH|euros?|dollars?|pounds?)(?!\w))/gi,
];

/** Programs that change, send or run things, where a command can stand. */
const PROGRAMS =
  /(?<=(?:^|[\n|;&(`]|&&|\bsudo)[ \t]{0,8})(?:sudo|doas|su|rm|rmdir|mv|dd|mkfs\S*|shred|chmod|chown|kill|killall|pkill|curl|wget|nc|ncat|ssh|scp|sftp|rsync|bash|sh|zsh|fish|eval|exec|source|powershell|pwsh|cmd|del|format|reg|python3?|perl|ruby|node|npx|npm|pip|pipx|uvx|docker|git|crontab|systemctl|launchctl|osascript)(?=\s|$)/gm;
/** In a command, whatever stands where a program stands, and the whole disk. */
const COMMAND_WORDS =
  /(?<=(?:^|[\n|;&(`])[ \t]{0,8})[^\s|;&`()"'$]+|(?<=\s)\/(?=\s|\*|$)|(?<=\s)~(?=\s|$)|[|;&]{1,2}|\$\(|`|>{1,2}/gm;

const NAMES_COMMAND = /(?:^|_|-|[a-z])(?:cmd|command|script|shell|run|exec)s?$/i;
const NAMES_PATH = /(?:^|_|-|[a-z])(?:path|dir|directory|folder|file|filename|cwd)s?$/i;
const NAMES_AMOUNT = /(?:^|_|-|[a-z])(?:amount|price|cost|total|sum|budget|fee|payment)$/i;
const LONGEST_WHOLE = 400;

/** Whether the name of an argument says that all of its value is to be looked at. */
function whole(text: string, name: string): boolean {
  if (text.includes("\n") || text.length > LONGEST_WHOLE) return false;
  if (NAMES_PATH.test(name)) return !/^[[{]/.test(text);
  return NAMES_AMOUNT.test(name) && /^[-+]?\d[\d.,eE+]*$/.test(text);
}

/** Finds paths, commands, addresses and amounts of money in an argument. */
export function standOut(text: string, name = ""): Run[] {
  if (text === "") return [];
  if (whole(text, name)) return [{ text, marked: true }];
  const patterns = [...ANYWHERE, PROGRAMS, ...(NAMES_COMMAND.test(name) ? [COMMAND_WORDS] : [])];
  const found = patterns
    .flatMap((pattern) => [...text.matchAll(pattern)])
    .map(({ index, 0: match }) => ({ from: index, to: index + withoutStop(match).length }))
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const runs: Run[] = [];
  let at = 0;
  const push = (to: number, marked: boolean) => {
    if (to <= at) return;
    const last = runs.at(-1);
    if (last?.marked === marked) last.text += text.slice(at, to);
    else runs.push({ text: text.slice(at, to), marked });
    at = to;
  };
  for (const { from, to } of found) {
    push(from, false);
    push(to, true);
  }
  push(text.length, false);
  return runs;
}

/** A full stop after an address or an amount ends the sentence. */
const withoutStop = (match: string) => (match.length > 1 ? match.replace(/[.,:!?]$/, "") : match);
