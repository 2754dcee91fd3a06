// Whole processes, measured one after the other in turns, so that what else the machine does falls on all alike.
import { spawnSync } from "node:child_process";

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** True when a program is there. */
export const hasProgram = (name) => spawnSync(name, ["--version"], { stdio: "ignore" }).error === undefined;

/**
 * Runs commands in turns.
 *
 * @param commands `{ name: [program, ...args] }`
 * @returns per name the median of the wall clock and of the processor time, in seconds, and of both as a part of the
 * first command's in the same turn
 */
export function inTurns(commands, rounds) {
  const names = Object.keys(commands);
  const runs = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) runs[name].push(run(name, commands[name]));
  }
  return Object.fromEntries(
    names.map((name) => {
      const of = (key) => median(runs[name].map((each) => each[key]));
      const against = (key) =>
        median(runs[name].map((each, round) => runs[names[0]][round][key] / each[key]));
      return [
        name,
        {
          wall: of("wall"),
          processor: of("processor"),
          wallRatio: against("wall"),
          processorRatio: against("processor"),
        },
      ];
    }),
  );
}

function run(name, command) {
  // bash tells the processor time of a child, which Node does not.
  const { status, stderr } = spawnSync(
    "bash",
    ["-c", 'TIMEFORMAT="%R %U %S"; time "$@" > /dev/null 2> /dev/null', "bash", ...command],
    { encoding: "utf8", timeout: 120_000, env: { ...process.env, LC_ALL: "C" } },
  );
  if (status !== 0) throw new Error(`${name} failed`);
  const [wall, user, system] = stderr.trim().split(/\s+/).map(Number);
  return { wall, processor: user + system };
}

/** The most memory that a script of ours takes, in MiB, where the system tells (Linux). */
export function peakMemory(args) {
  const tell =
    'import { readFileSync } from "node:fs";' +
    'process.on("exit", () => process._rawDebug(readFileSync("/proc/self/status", "utf8")))';
  const { stderr } = spawnSync(process.execPath, ["--import", `data:text/javascript,${tell}`, ...args], {
    encoding: "utf8",
  });
  return Number(/VmHWM:\s+(\d+)/.exec(stderr)?.[1]) / 1024;
}

/** Notes that a promised figure is missed. */
export function promise(what, figure, most) {
  if (figure <= most) return;
  console.error(`${what}: ${figure.toFixed(2)}, promised is at most ${most}`);
  process.exitCode = 1;
}
