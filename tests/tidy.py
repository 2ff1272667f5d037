"""clang-tidy over the sources, each file once for each form it has: what was clean is not examined again until it changes.

usage: tidy.py --build BUILD [--jobs N] FILE ...
The form of a file is its preprocessed text, so a change of a header counts. Clean forms are remembered in BUILD/tidy.
"""
import argparse, concurrent.futures, hashlib, json, os, pathlib, shlex, subprocess, sys

p = argparse.ArgumentParser()
p.add_argument('files', nargs='+')
p.add_argument('--build', type=pathlib.Path, required=True)
p.add_argument('--jobs', type=int, default=os.cpu_count())
a = p.parse_args()

clean = a.build / 'tidy'
clean.mkdir(exist_ok=True)
commands = {os.path.realpath(os.path.join(c['directory'], c['file'])): c for c in json.loads((a.build / 'compile_commands.json').read_text())}
tool = subprocess.run(['clang-tidy', '--version'], capture_output=True, check=True).stdout + pathlib.Path('.clang-tidy').read_bytes()


def form(command):
    """The hash of what the compiler reads."""
    words = shlex.split(command['command'])
    if 'ccache' in words[0]: words = words[1:]
    words = words[:words.index('-o')] + ['-E', command['file']]
    return hashlib.sha256(tool + subprocess.run(words, cwd=command['directory'], capture_output=True, check=True).stdout).hexdigest()


def examine(file):
    command = commands.get(os.path.realpath(file))
    if command is None: return f'{file}: not part of this build, not examined\n', True
    stamp = clean / form(command)
    if stamp.exists(): return '', True
    run = subprocess.run(['clang-tidy', '-quiet', '-p', str(a.build), file], capture_output=True, text=True)
    if run.returncode == 0: stamp.touch()
    return run.stdout, run.returncode == 0


failed = 0
with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
    for text, ok in pool.map(examine, a.files):
        if text: print(text, end='', flush=True)
        failed += not ok
if failed: sys.exit(f'clang-tidy: {failed} of {len(a.files)} files have findings')
