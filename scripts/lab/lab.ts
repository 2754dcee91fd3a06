// Starts the lab by hand: `npm run lab` keeps it running until Ctrl-C and says how to reach it; `npm run lab -- prepare`
// only fills the cache, which takes two minutes the first time.
import { once } from "node:events";
import { startAsteriskLab } from "./asterisk-lab.ts";
import { asteriskRoot, whyNoLab } from "./asterisk-root.ts";
import { labNumbers } from "./lab-config.ts";

const [order] = process.argv.slice(2);
const why = whyNoLab();
if (order !== undefined && order !== "prepare") {
  console.error("usage: npm run lab [-- prepare]");
  process.exitCode = 2;
} else if (why) {
  console.error(`The lab cannot run here (${why}); see scripts/lab/README.md.`);
  process.exitCode = 1;
} else {
  console.log("Preparing Asterisk (minutes the first time, nothing afterwards)");
  const { folder } = await asteriskRoot();
  console.log(`  it is in ${folder}`);
  if (order === undefined) await keepRunning();
}

async function keepRunning(): Promise<void> {
  const lab = await startAsteriskLab();
  const { ports, secrets } = lab;
  const { AsteriskVersion: version } = await lab.console.action("CoreSettings");
  console.log(`\nAsterisk ${version}

  manager interface  127.0.0.1:${ports.ami}, account faxbot, password ${secrets.ami}
                     account lab sees and may do everything, password ${secrets.lab}
  SIP                127.0.0.1:${ports.sip}/udp; trunks trunk and trunk-audio lead back here
  folders            ${lab.spoolOut}, ${lab.spoolIn}
  numbers            ${Object.entries(labNumbers)
    .map(([name, number]) => `${number} ${name}`)
    .join("\n                     ")}
                     all others take a fax

Ctrl-C ends it.`);
  await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
  await lab.stop();
  console.log("The lab has stopped.");
}
