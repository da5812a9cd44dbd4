/** Shells for which there is a script. */
export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;

export type Shell = (typeof shells)[number];

/**
 * Returns the script that a shell loads. It asks `dbops __complete` with the words up to the cursor, which
 * answers one `word<TAB>description` a line, or `:files`. Of a project without a global dbops, npx runs its own.
 */
export function completionScript(shell: Shell): string {
  return scripts[shell].trim();
}

const posixCall = `
_dbops_words() {
  if whence -p dbops >/dev/null 2>&1 || type -P dbops >/dev/null 2>&1; then
    command dbops __complete "$@" 2>/dev/null
  else
    npx --no-install dbops __complete "$@" 2>/dev/null
  fi
}
`;

const bash = String.raw`
# bash completion of dbops. Load it with: source <(dbops completion bash)
${posixCall.replace('whence -p dbops >/dev/null 2>&1 || ', '').trim()}

_dbops() {
  local line answer
  COMPREPLY=()
  answer=$(_dbops_words "$\{COMP_WORDS[@]:1:COMP_CWORD}") || return 0
  [[ -n $answer ]] || return 0
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return 0
    fi
    COMPREPLY+=("$(printf '%q' "$\{line%%$'\t'*}")")
  done <<<"$answer"
}
complete -F _dbops dbops
`;

const zsh = String.raw`
#compdef dbops
# zsh completion of dbops. Load it with: source <(dbops completion zsh)
${posixCall.replace(' || type -P dbops >/dev/null 2>&1', '').trim()}

_dbops() {
  local -a lines described
  local line word
  lines=("$\{(@f)$(_dbops_words "$\{(@)words[2,CURRENT]}")}")
  for line in "$\{lines[@]}"; do
    [[ -n $line ]] || continue
    if [[ $line == ':files' ]]; then
      _files
      return
    fi
    word=$\{line%%$'\t'*}
    if [[ $word == "$line" ]]; then line=; fi
    described+=("$\{word//:/\\:}:$\{line#*$'\t'}")
  done
  (( $\{#described} )) && _describe -V dbops described
}
if [[ $funcstack[1] == _dbops ]]; then _dbops "$@"; else compdef _dbops dbops; fi
`;

const fish = String.raw`
# fish completion of dbops. Load it with: dbops completion fish | source
function __dbops_words
    set -l words (commandline -opc)[2..-1] (commandline -ct)
    if command -q dbops
        command dbops __complete $words 2>/dev/null
    else
        npx --no-install dbops __complete $words 2>/dev/null
    end
end

function __dbops_complete
    set -l lines (__dbops_words)
    if test "$lines[1]" = ':files'
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $lines
    end
end
complete -c dbops -f -k -a '(__dbops_complete)'
`;

const powershell = String.raw`
# PowerShell completion of dbops. Load it with: dbops completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName dbops -ScriptBlock {
    param($word, $ast, $cursor)
    $words = @($ast.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString() })
    dbops __complete @words "$word" 2>$null | ForEach-Object {
        $name, $help = $_ -split "\t", 2
        if ($name -ne ':files') {
            if (-not $help) { $help = $name }
            [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $help)
        }
    }
}
`;

/** In the texts above a backslash keeps an expansion of the shell apart from one of the template. */
const unescaped = (text: string) => text.replaceAll(String.raw`$\{`, '${');

const scripts: Readonly<Record<Shell, string>> = {
  bash: unescaped(bash),
  zsh: unescaped(zsh),
  fish,
  powershell,
};
