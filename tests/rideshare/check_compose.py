#!/usr/bin/env python3
"""The part of check_compose.sh that reads files: it says there what is checked.

usage: check_compose.py REPOSITORY WORK

Prints `ok` and `FAIL` lines and exits with 1 where there is a FAIL. Leaves for check_compose.sh, in WORK:
  context/           the files of the build stage, as a builder would copy them
  run-N.sh           its RUN lines, but for apt-get
  packages-build     the packages that it installs
  packages-runtime   the packages that the images run with
  env-REGION         a region's environment, NAME=VALUE a line
  load-command       the load generator's arguments, one a line
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import yaml

repository, work = (os.path.abspath(path) for path in sys.argv[1:3])
example = os.path.join(repository, "examples/rideshare")
REGIONS = ["us-east", "eu-north", "ap-south"]
LOGIN = {"PYROSCOPE_BASIC_AUTH_USER", "PYROSCOPE_BASIC_AUTH_PASSWORD", "PYROSCOPE_AUTH_TOKEN", "PYROSCOPE_TENANT_ID"}
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET", re.I)
failed = False


def check(holds, what, found=None):
    global failed
    print(f"ok    {what}" if holds else f"FAIL  {what}" + (f"; found: {found}" if found is not None else ""))
    failed = failed or not holds


def read(path):
    with open(os.path.join(repository, path), encoding="utf-8") as file:
        return file.read()


def write(name, text):
    with open(os.path.join(work, name), "w", encoding="utf-8") as file:
        file.write(text)


def files_below(folder):
    """Paths in the repository; a file is its own only one."""
    if os.path.isfile(os.path.join(repository, folder)):
        return [folder]
    return [os.path.relpath(os.path.join(where, name), repository)
            for where, _, names in os.walk(os.path.join(repository, folder)) for name in names]


def load_yaml(path):
    try:
        content = yaml.safe_load(read(path))
    except (OSError, yaml.YAMLError) as error:
        content = str(error).replace("\n", " ")
    check(isinstance(content, dict), f"{path} is YAML", content)
    return content if isinstance(content, dict) else {}


# --- what the programs know ------------------------------------------------------------------------------------------------

code = "".join(read(path) for folder in ("include/pyro", "examples/rideshare") for path in files_below(folder)
               if path.endswith((".hpp", ".cpp")))
known = set(re.findall(r'"((?:PYRO|PYROSCOPE|OTEL|RIDESHARE)(?:_[A-Z]+)*|REGION)"', code))
if not os.path.exists(os.path.join(repository, "include/pyro/export/pyroscope.hpp")):
    print("      (no uploader in this tree: the names of its settings are taken for granted)")
    known |= LOGIN
listen_port = int(re.search(r'setting\("RIDESHARE_LISTEN_PORT", (\d+)', code).group(1))
load_options = set(re.findall(r'option == "(--[a-z]+)"', code))

# --- .dockerignore and Dockerfile ------------------------------------------------------------------------------------------

patterns = [(line.startswith("!"), line.lstrip("!").strip("/"))
            for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]


def ignored(path):
    """As Docker reads .dockerignore: the last pattern that fits the path, or a folder above it, decides."""
    parts = path.split("/")
    verdict = False
    for keep, pattern in patterns:
        expression = re.escape(pattern)
        for glob, meaning in ((r"\*\*/", "(?:.*/)?"), (r"\*\*", ".*"), (r"\*", "[^/]*"), (r"\?", "[^/]")):
            expression = expression.replace(glob, meaning.replace("*", "\0"))
        expression = expression.replace("\0", "*")
        if any(re.fullmatch(expression, "/".join(parts[:n])) for n in range(1, len(parts) + 1)):
            verdict = not keep
    return verdict


def parse_dockerfile(text):
    """{stage: (what it is from, [(instruction, arguments)])}: comments dropped, continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found, steps = {}, None
    for line in "\n".join(lines).replace("\\\n", "").split("\n"):
        instruction, _, arguments = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            steps = []
            found[name or str(len(found))] = (base, steps)
        elif steps is not None:
            steps.append((instruction, arguments.strip()))
    return found


stages = parse_dockerfile(read("examples/rideshare/Dockerfile"))


def base_image(name):
    while name in stages:
        name = stages[name][0]
    return name


def all_steps(name):
    """A stage's steps, after those of the stage that it is from."""
    return all_steps(stages[name][0]) + stages[name][1] if name in stages else []


def apt_commands(arguments):
    """The apt-get commands of a RUN, and whether it has nothing else (but the removal of their lists)."""
    commands = [shlex.split(command) for command in arguments.split("&&")]
    apt = [command for command in commands if command and command[0] == "apt-get"]
    others = [command for command in commands if command not in apt and command != ["rm", "-rf", "/var/lib/apt/lists/*"]]
    return apt, not others


def packages(steps):
    return [word for instruction, arguments in steps if instruction == "RUN"
            for command in apt_commands(arguments)[0] if command[1:2] == ["install"]
            for word in command[2:] if not word.startswith("-")]


instructions = {instruction for _, steps in stages.values() for instruction, _ in steps}
strange = instructions - {"RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD", "ENV", "EXPOSE"}
check(not strange, "Dockerfile: has instructions that this test knows", strange)
check({"build", "server", "load"} <= set(stages), "Dockerfile: has the stages build, server and load", list(stages))
images = {base_image(name) for name in stages}
check(all(re.fullmatch(r"debian:12(-slim)?", image) for image in images), "Dockerfile: everything is from Debian 12", images)
for name, program in (("server", "rideshare_server"), ("load", "rideshare_load")):
    steps = all_steps(name)
    last = dict(steps)
    user = last.get("USER", "root").split(":")[0]
    check(user not in ("root", "0"), f"Dockerfile: {name} does not run as root", user)
    copy = ("COPY", f"--from=build /pyro/build/examples/rideshare/{program} /usr/local/bin/")
    check(copy in steps and last.get("ENTRYPOINT") == json.dumps([program]),
          f"Dockerfile: {name} is {program} itself, without a shell that would keep its signals", last.get("ENTRYPOINT"))
    tools = [package for package in packages(steps) if re.search(r"-dev$|^(g\+\+|cmake|make)$", package)]
    check(not tools, f"Dockerfile: {name} has no compiler", tools)
built_in = [arguments for _, steps in stages.values() for instruction, arguments in steps if instruction in ("ENV", "ARG")]
check(not any(SECRET.search(arguments) for arguments in built_in), "Dockerfile: builds no secret in", built_in)
image_environment = dict(arguments.split("=", 1) for instruction, arguments in all_steps("server") if instruction == "ENV")
check(set(image_environment) <= known, "Dockerfile: sets what the code knows", set(image_environment) - known)
for path in (".env", "examples/rideshare/.env", "examples/rideshare/.env.local"):
    check(ignored(path), f".dockerignore: {path} never reaches a builder")

folder = "/"
runs = 0
for instruction, arguments in all_steps("build"):
    here = os.path.join(work, "context", folder.lstrip("/"))
    if instruction == "WORKDIR":
        folder = os.path.join(folder, arguments)
    elif instruction == "COPY":
        *origins, target = arguments.split()
        for origin in origins:
            paths = [path for path in files_below(origin) if not ignored(path)]
            check(paths, f"Dockerfile: COPY {origin} finds something in the build context")
            for path in paths:
                inside = os.path.relpath(path, origin) if path != origin else ""
                if path == origin and target.endswith("/"):
                    inside = os.path.basename(path)
                to = os.path.normpath(os.path.join(here, target, inside))
                os.makedirs(os.path.dirname(to), exist_ok=True)
                shutil.copyfile(os.path.join(repository, path), to)
    elif instruction == "RUN":
        apt, pure = apt_commands(arguments)
        check(pure or not apt, "Dockerfile: RUN has apt-get alone or something else alone", arguments)
        if not pure:
            runs += 1
            write(f"run-{runs}.sh", f"cd {shlex.quote(os.path.normpath(here))} || exit\n{arguments}\n")
check(runs, "Dockerfile: the build stage builds something")
write("packages-build", "".join(package + "\n" for package in packages(all_steps("build"))))
write("packages-runtime", "".join(package + "\n" for package in packages(all_steps("server"))))

# --- docker-compose.yml ----------------------------------------------------------------------------------------------------


def with_defaults(text):
    """${NAME:-default} where nothing is set. A name without a default stays, and then fails whoever looks for a value."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", str(text))


def parse_port(text):
    """ADDRESS:PORT:PORT or ADDRESS::PORT; others are wrong here: a port without an address is open to every machine."""
    match = re.fullmatch(r"127\.0\.0\.1:(\d*):(\d+)", str(text))
    return match.groups() if match else ("wrong", str(text))


compose = load_yaml("examples/rideshare/docker-compose.yml")
strange = {key for key in compose if key != "services" and not key.startswith("x-")}
check(not strange, "compose: has keys that this test knows", strange)
services = compose.get("services") or {}
if set(services) != {"pyroscope", "load-generator", "grafana", *REGIONS}:
    check(False, "compose: has Pyroscope, three regions, load and Grafana", list(services))
    sys.exit(1)
for name, service in services.items():
    strange = set(service) - {"image", "build", "command", "depends_on", "environment", "ports", "restart", "volumes"}
    check(not strange, f"compose: {name} has keys that this test knows", strange)
    if name in ("pyroscope", "grafana"):
        image = service.get("image", "")
        check(re.fullmatch(rf"grafana/{name}:[\w.]+", image) and "build" not in service, f"compose: {name} is grafana/{name}",
              image)
    else:
        build = service.get("build", {})
        context = os.path.normpath(os.path.join(example, build.get("context", "")))
        check(context == repository, f"compose: {name} is built from the repository", context)
        check(os.path.join(context, build.get("dockerfile", "")) == os.path.join(example, "Dockerfile"),
              f"compose: {name} is built by the Dockerfile", build)
        target = "load" if name == "load-generator" else "server"
        check(build.get("target") == target and len(build) == 3 and "image" not in service, f"compose: {name} is target {target}",
              build)
    ports = [parse_port(port) for port in service.get("ports", [])]
    wanted = {"pyroscope": [("4040", "4040")], "grafana": [("3000", "3000")], "load-generator": []}
    check(ports == wanted.get(name, [("", str(listen_port))]), f"compose: {name} opens the right port, to this machine alone",
          service.get("ports"))
    strange = set(service.get("depends_on", [])) - set(services)
    check(not strange, f"compose: {name} starts after services that are there", strange)

pyroscope = "http://pyroscope:4040"
for region in REGIONS:
    environment = services[region].get("environment") or {}
    strange = set(environment) - known
    check(not strange, f"compose: {region} sets what the code knows", strange)
    values = {key: with_defaults(value) for key, value in environment.items() if value is not None}
    check(values.get("REGION") == region, f"compose: {region} knows its region", values.get("REGION"))
    goal = (values.get("PYROSCOPE_SERVER_ADDRESS"), values.get("PYROSCOPE_APPLICATION_NAME"))
    check(goal == (pyroscope, "ride-sharing-app"), f"compose: {region} pushes to Pyroscope as ride-sharing-app", goal)
    seconds = re.fullmatch(r"([1-9]\d*)s", values.get("PYRO_WINDOW", "10s"))
    check(seconds and 15 % int(seconds.group(1)) == 0, f"compose: {region} fills the steps of a timeline, 15 s, evenly",
          values.get("PYRO_WINDOW"))
    check(LOGIN <= set(environment), f"compose: {region} can log in to another server", LOGIN - set(environment))
    here = [key for key in LOGIN & set(environment) if environment[key] is not None]
    check(not here, f"compose: {region} gets its login from outside", here)
    write(f"env-{region}", "".join(f"{key}={value}\n" for key, value in {**image_environment, **values}.items()))

command = services["load-generator"].get("command") or []
strange = {word for word in command if word.startswith("--")} - load_options
check(not strange, "compose: load-generator has options that the program knows", strange)
targets = [value for option, value in zip(command, command[1:]) if option == "--target"]
check(targets == [f"{region}=http://{region}:{listen_port}" for region in REGIONS], "compose: load-generator asks each region",
      targets)
check(services["load-generator"].get("restart") == "unless-stopped", "compose: load-generator goes on when its time is over")
write("load-command", "".join(word + "\n" for word in command))
command = services["pyroscope"].get("command") or []
check("-architecture.storage=v2" in command and any(word.startswith("-config.file=") for word in command),
      "compose: pyroscope shows the first minute of a fresh store, too", command)

# --- Grafana ---------------------------------------------------------------------------------------------------------------

provisioning = "/etc/grafana/provisioning/"
mounted = {}
for volume in services["grafana"].get("volumes", []):
    host, inside, mode = (volume.split(":") + ["", ""])[:3]
    mounted[inside] = os.path.normpath(os.path.join("examples/rideshare", host))
    is_there = os.path.isdir(os.path.join(repository, mounted[inside]))
    check(is_there and mode == "ro", f"compose: grafana reads {host}, which is there", volume)
check(set(mounted) == {provisioning + "datasources", provisioning + "plugins"}, "compose: grafana finds its files", list(mounted))


def provisioned(kind, key):
    found = []
    for path in files_below(mounted.get(provisioning + kind, "none")):
        content = load_yaml(path)
        check(set(content) == {"apiVersion", key} and content["apiVersion"] == 1, f"{path} has apiVersion 1 and {key}",
              list(content))
        found += content.get(key) or []
    return found


sources = provisioned("datasources", "datasources")
found = [(source.get("type"), source.get("url"), source.get("isDefault")) for source in sources]
check(found == [("grafana-pyroscope-datasource", pyroscope, True)],
      "grafana: its one data source is the Pyroscope, and the default", found)
check(not SECRET.search(json.dumps(sources)), "grafana: its data source has no secret", "one")
apps = [(app.get("type"), app.get("disabled")) for app in provisioned("plugins", "apps")]
check(apps == [("grafana-pyroscope-app", False)], "grafana: Profiles Drilldown is on", apps)
environment = services["grafana"].get("environment") or {}
for key, value in (("GF_PLUGINS_PREINSTALL_SYNC", "grafana-pyroscope-app"), ("GF_AUTH_ANONYMOUS_ENABLED", "true"),
                   ("GF_AUTH_ANONYMOUS_ORG_ROLE", "Admin")):
    check(environment.get(key) == value, f"compose: grafana has {key}={value}", environment.get(key))

# --- secrets ---------------------------------------------------------------------------------------------------------------

git = subprocess.run(["git", "-C", repository, "check-ignore", "-q", "examples/rideshare/.env"], check=False).returncode
check(git == 0 or (git == 128 and ".env" in read(".gitignore").splitlines()), "git ignores examples/rideshare/.env")
offered = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", read("examples/rideshare/.env.example"), re.M))
passed_on = set.intersection(*(set(services[region].get("environment") or {}) for region in REGIONS))
check(LOGIN <= set(offered) <= passed_on, ".env.example: offers what the regions get", set(offered) ^ passed_on)
check(not any(SECRET.search(key) and value for key, value in offered.items()), ".env.example: has no secret", "one")

PRINTS_SECRETS = re.compile(
    r"\bprintenv\b"
    r"|(?:^|[;&|(])\s*env\s*(?:$|[|>;&])"
    r"|\bset -[a-z]*x|-o xtrace|\bexport -p\b|\bdeclare -x"
    r"|\b(?:echo|printf|cat)\b.*(?:PASSWORD|TOKEN|\.env\b)"
    r"|\bcompose config\b|\bdocker inspect\b", re.M)
for name in ("Dockerfile", "docker-compose.yml", "run.sh", "README.md", "README_zh.md"):
    text = read(f"examples/rideshare/{name}")
    if name.endswith(".md"):
        text = "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S))
    found = PRINTS_SECRETS.search(text)
    check(not found, f"{name}: has no command that prints secrets", found and found.group(0))

# --- READMEs ---------------------------------------------------------------------------------------------------------------


def blocks(name, kinds):
    return re.findall(rf"^```(?:{kinds})\n.*?^```", read(f"examples/rideshare/{name}"), re.M | re.S)


def without_comments(text):
    return re.sub(r"[ \t]+(#|//) .*", "", text)


for name, other in (("README.md", "README_zh.md"), ("README_zh.md", "README.md")):
    text = read(f"examples/rideshare/{name}")
    check(f"({other})" in text.splitlines()[0], f"{name}: its first line leads to {other}", text.splitlines()[0])
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"https?:|#", link)]
    gone = [link for link in links if not os.path.exists(os.path.join(example, link))]
    check(links and not gone, f"{name}: its links lead somewhere", gone)
    macros = set(re.findall(r"#\s*define (PYRO_[A-Z]+)", code))
    strange = set(re.findall(r"\b(?:PYRO|PYROSCOPE|OTEL|RIDESHARE)(?:_[A-Z]+)+\b", text)) - known - macros
    check(not strange, f"{name}: names settings that the code knows", strange)
    quotes = [line.strip() for block in blocks(name, "cpp") for line in without_comments(block).splitlines()[2:-1]]
    strange = [line for line in quotes if line != "..." and line not in code]
    check(len(quotes) > 5 and not strange, f"{name}: quotes code that is there", strange)
english, chinese = ([without_comments(block) for block in blocks(name, "sh|cpp|text")] for name in ("README.md", "README_zh.md"))
strange = [pair for pair in zip(english, chinese) if pair[0] != pair[1]]
check(len(english) == len(chinese) and not strange, "both READMEs have the same commands, code and output", strange)

sys.exit(failed)
