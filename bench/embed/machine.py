"""Where and with what it was measured."""
import importlib.metadata
import os
import platform
import subprocess

PACKAGES = ("onnxruntime", "torch", "sentence-transformers", "transformers",
            "tokenizers", "llama-cpp-python", "numpy")


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.machine()


def cpu_flags():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("flags"):
                found = line.split(":")[1].split()
                return [f for f in ("avx2", "avx_vnni", "avx512f",
                                    "avx512_vnni", "amx_int8") if f in found]
    return []


def versions():
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def commit(top):
    done = subprocess.run(["git", "-C", top, "describe", "--always",
                           "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or None


def describe(top):
    return {"cpu": cpu_name(), "cores": os.cpu_count(), "flags": cpu_flags(),
            "load": round(os.getloadavg()[0], 1), "commit": commit(top),
            "versions": versions()}


def summary(machine):
    return (f"{machine['cpu']} ({', '.join(machine['flags'])}), "
            f"{machine['cores']} cores, load {machine['load']} at the start; "
            f"angle {machine['commit']}; "
            + ", ".join(f"{k} {v}" for k, v in machine["versions"].items()))
