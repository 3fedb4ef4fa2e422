import type { Command, Option } from 'commander';
import { UsageError } from '../telemetry/errors.ts';
import { writeOut } from './terminal.ts';

/** What can follow on a command: "" is the program itself, "bad list" a command of a command. */
interface CommandPosition {
  path: string;
  words: { word: string; description: string }[];
}

const SHELLS: Readonly<Record<string, (positions: readonly CommandPosition[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** `completion SHELL`: prints the script by which the shell completes commands and options. */
export function completion(shell: string, program: Command): void {
  const script = SHELLS[shell];
  if (!script)
    throw new UsageError(
      `There is no completion for "${shell}". The shells: ${Object.keys(SHELLS).join(', ')}.`,
    );
  writeOut(script(positionsOf(program, '')));
}

function positionsOf(command: Command, path: string): CommandPosition[] {
  const help = command.createHelp();
  const own: CommandPosition = {
    path,
    words: [
      ...help
        .visibleCommands(command)
        .map((each) => ({ word: each.name(), description: each.description() })),
      ...help.visibleOptions(command).map((option: Option) => ({
        word: option.long ?? option.short ?? '',
        description: option.description,
      })),
    ],
  };
  const below = command.commands.flatMap((each) =>
    positionsOf(each, path === '' ? each.name() : `${path} ${each.name()}`),
  );
  return [own, ...below];
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The lines of a shell's `case` that gives each command path its words. */
const cases = (positions: readonly CommandPosition[], words: (position: CommandPosition) => string) =>
  positions.map((position) => `    ${quoted(position.path)}) ${words(position)} ;;`).join('\n');

/** Finds in bash and zsh the path of the command that is typed: "bad list". */
const pathCase = (positions: readonly CommandPosition[]) =>
  positions
    .filter(({ path }) => path !== '')
    .map(({ path }) => quoted(path))
    .join('|');

function bash(positions: readonly CommandPosition[]): string {
  return `# bash completion of tillstream: eval "$(./tillstream completion bash)"
_tillstream() {
  local path= words= next i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case $next in
    ${pathCase(positions)}) path=$next ;;
    esac
  done
  case $path in
${cases(positions, ({ words }) => `words=${quoted(words.map(({ word }) => word).join(' '))}`)}
  esac
  # If no word fits, file names do. The bash of macOS has no mapfile.
  COMPREPLY=()
  while IFS= read -r next; do COMPREPLY+=("$next"); done < <(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}")
}
complete -o bashdefault -o default -F _tillstream tillstream
`;
}

function zsh(positions: readonly CommandPosition[]): string {
  const described = ({ words }: CommandPosition) =>
    `items=(${words.map(({ word, description }) => quoted(`${word}:${description.replaceAll(':', '\\:')}`)).join(' ')})`;
  return `#compdef tillstream
# zsh completion of tillstream: eval "$(./tillstream completion zsh)", after compinit
_tillstream() {
  local path_='' next word
  local -a items
  for word in \${words[2,CURRENT-1]}; do
    next="\${path_:+$path_ }$word"
    case $next in
    ${pathCase(positions)}) path_=$next ;;
    esac
  done
  case $path_ in
${cases(positions, described)}
  esac
  _describe tillstream items || _files
}
compdef _tillstream tillstream
`;
}

function fish(positions: readonly CommandPosition[]): string {
  const all = positions.map(({ path }) => path);
  const parents = new Set(all.filter((path) => path.includes(' ')).map((path) => path.split(' ')[0]!));
  const lines = positions.flatMap(({ path, words }) => {
    const parts = path.split(' ').filter(Boolean);
    const below = all
      .filter((other) => other !== path && other.startsWith(path === '' ? '' : `${path} `))
      .map((other) => other.split(' ')[parts.length]!);
    // "services up" is not "up".
    const other = parts.length === 1 ? [...parents].filter((parent) => parent !== path) : [];
    const none = [...new Set([...below, ...other])];
    const conditions = [
      ...parts.map((part) => `__fish_seen_subcommand_from ${part}`),
      ...(none.length > 0 ? [`not __fish_seen_subcommand_from ${none.join(' ')}`] : []),
    ];
    return words.map(({ word, description }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c tillstream -n ${quoted(conditions.join('; and '))} ${what} -d ${quoted(description)}`;
    });
  });
  return `# fish completion of tillstream: ./tillstream completion fish | source\n${lines.join('\n')}\n`;
}
