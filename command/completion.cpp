// pyro completion: scripts that let a shell complete subcommands, options, their values, and files. Made from the options themselves.

#include "terminal.hpp"

#include <vector>  // words

namespace pyro::command {
namespace {

struct word {
  std::string name, help;
};
struct described {
  std::string name, help;
  std::vector<word> options;
  bool files = false;  ///< takes files
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<described> describe(const CLI::App& pyro) {
  std::vector<described> out;
  for (const CLI::App* sub : pyro.get_subcommands([](const CLI::App*) { return true; })) {
    described d{sub->get_name(), first_line(sub->get_description()), {}, false};
    for (const CLI::Option* option : sub->get_options()) {
      d.files = d.files || option->get_positional();
      for (const std::string& name : option->get_lnames()) d.options.push_back({"--" + name, first_line(option->get_description())});
    }
    out.push_back(std::move(d));
  }
  return out;
}

std::string joined(const std::vector<word>& words) {
  std::string out;
  for (const word& w : words) out += (out.empty() ? "" : " ") + w.name;
  return out;
}

/// Between single quotes of a shell.
std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string for_bash(const std::vector<described>& all) {
  std::string names;
  for (const described& d : all) names += (names.empty() ? "" : " ") + d.name;
  std::string out = "# pyro completion bash: source <(pyro completion bash)\n_pyro() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n  COMPREPLY=()\n"
                    "  if ((COMP_CWORD == 1)); then\n    mapfile -t COMPREPLY < <(compgen -W " + in_quotes(names + " --help --version") + " -- \"$word\")\n    return\n  fi\n"
                    "  case $before in\n"
                    "    --to) words='pprof folded speedscope html text' ;;\n    --sort|-s) words='self total calls' ;;\n    --type|-t) words='cpu samples calls' ;;\n"
                    "    --by) if [[ ${COMP_WORDS[1]} == diff ]]; then words='self total'; fi ;;\n  esac\n"
                    "  if [[ -z $words && $word == -* ]]; then\n    case ${COMP_WORDS[1]} in\n";
  for (const described& d : all) out += "      " + d.name + ") words=" + in_quotes(joined(d.options)) + " ;;\n";
  out += "    esac\n  elif [[ -z $words ]]; then\n    case ${COMP_WORDS[1]} in\n      completion) words='bash zsh fish' ;;\n      help) words=" + in_quotes(names) + " ;;\n    esac\n  fi\n"
         "  if [[ -n $words ]]; then mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\"); fi\n}\n"
         "complete -o default -F _pyro pyro\n";  // where nothing of ours fits: files
  return out;
}

std::string for_zsh(const std::vector<described>& all) {
  const auto entry = [](const std::string& name, const std::string& help) {
    std::string text = name + ":" + help;
    return in_quotes(text);
  };
  std::string out = "#compdef pyro\n# source <(pyro completion zsh), or save it as _pyro in a directory of $fpath\n_pyro() {\n  local -a found\n  if ((CURRENT == 2)); then\n    found=(";
  for (const described& d : all) out += "\n      " + entry(d.name, d.help);
  out += ")\n    _describe 'subcommand' found\n    return\n  fi\n  if [[ $words[CURRENT] == -* ]]; then\n    case $words[2] in\n";
  for (const described& d : all) {
    out += "      " + d.name + ") found=(";
    for (const word& w : d.options) out += "\n        " + entry(w.name, w.help);
    out += ") ;;\n";
  }
  out += "    esac\n    _describe -o 'option' found\n    return\n  fi\n  case $words[CURRENT-1] in\n    --to) compadd pprof folded speedscope html text; return ;;\n    --sort|-s) compadd self total calls; return ;;\n"
         "    --type|-t) compadd cpu samples calls; return ;;\n    --by) if [[ $words[2] == diff ]]; then compadd self total; return; fi ;;\n  esac\n  if [[ $words[2] == completion ]]; then compadd bash zsh fish; else _files; fi\n}\n"
         "if [[ $funcstack[1] == _pyro ]]; then _pyro \"$@\"; else compdef _pyro pyro; fi\n";
  return out;
}

std::string for_fish(const std::vector<described>& all) {
  const auto escaped = [](const std::string& text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return out + "'";
  };
  std::string out = "# pyro completion fish | source, or save it as ~/.config/fish/completions/pyro.fish\n";
  for (const described& d : all) {
    out += "complete -c pyro -n __fish_use_subcommand -f -a " + d.name + " -d " + escaped(d.help) + "\n";
    for (const word& w : d.options) {
      if (w.name == "--help") continue;
      out += "complete -c pyro -n '__fish_seen_subcommand_from " + d.name + "' -l " + w.name.substr(2) + " -d " + escaped(w.help) + "\n";
    }
  }
  out += "complete -c pyro -n '__fish_seen_subcommand_from completion' -f -a 'bash zsh fish'\n";
  return out;
}

}  // namespace

void add_completion(CLI::App& pyro, int& exit_code) {
  CLI::App* app = pyro.add_subcommand("completion", "Print a script that lets your shell complete what you type");
  const auto shell = std::make_shared<std::string>();
  app->add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL")->check(CLI::IsMember({"bash", "zsh", "fish"}));
  app->footer("Examples:\n"
              "  source <(pyro completion bash)      # in ~/.bashrc\n"
              "  source <(pyro completion zsh)       # in ~/.zshrc, after compinit\n"
              "  pyro completion fish > ~/.config/fish/completions/pyro.fish");
  app->callback([shell, &pyro, &exit_code] {
    const std::vector<described> all = describe(pyro);
    write_output("-", *shell == "bash" ? for_bash(all) : *shell == "zsh" ? for_zsh(all) : for_fish(all));
    exit_code = ok;
  });
}

}  // namespace pyro::command
