/** Where a lab listens, all on 127.0.0.1. */
export interface LabPorts {
  ami: number;
  sip: number;
  /** First and last port for audio. */
  rtp: readonly [number, number];
  /** First and last port for T.38. */
  udptl: readonly [number, number];
}

/** Made anew for each lab. */
export interface LabSecrets {
  /** Of the library's account `faxbot`. */
  ami: string;
  /** Of the lab's own account `lab`. */
  lab: string;
  /** What the dialplan shows the library when a fax has come in. */
  inbound: string;
}

/** How many ports a lab takes. */
export const portsOfALab = 500;

/** The ports of one lab. */
export function portsFrom(first: number): LabPorts {
  return {
    ami: first,
    sip: first + 1,
    rtp: [first + 100, first + 299],
    udptl: [first + 300, first + 499],
  };
}

/** How a call to these numbers ends. Every other number goes the way of the shipped dialplan, which takes the fax. */
export const labNumbers = {
  busy: "+15555551486",
  congested: "+15555551503",
  rejected: "+15555551603",
  /** Rings, and nobody answers. */
  noAnswer: "+15555551480",
  /** Rings too, so that two can try at once. */
  ringing: "+15555551481",
  /** No such number. */
  wrong: "+15555551404",
  /** Answers, and says nothing at all. */
  silent: "+15555551111",
  /** Answers with a tone that is no fax. */
  voice: "+15555551112",
  /** Answers as a fax machine, and hangs up in the middle of a page. */
  cut: "+15555551222",
  /** Takes the fax under a station id that holds a whole event, in the 20 characters that there are. */
  forger: "+15555551666",
} as const;

/** The lab's own layer: where things lie, ports, secrets, two trunks that lead back here, and what they meet. */
export function labConfig(lab: {
  folder: string;
  ports: LabPorts;
  secrets: LabSecrets;
  inboundUrl?: string;
}): Record<string, string> {
  const { folder, ports, secrets, inboundUrl = "http://127.0.0.1:9/" } = lab;
  const spoolIn = `${folder}/spool/in`;
  return {
    "asterisk.conf": `[directories]
astetcdir => ${folder}/etc
astmoddir => /usr/lib/${gnuTriplet()}/asterisk/modules
astvarlibdir => ${folder}/lib
astdbdir => ${folder}/lib
astkeydir => ${folder}/lib
astdatadir => /usr/share/asterisk
astagidir => /usr/share/asterisk/agi-bin
astspooldir => ${folder}/spool
astrundir => ${folder}/run
astlogdir => ${folder}/log
astcachedir => ${folder}/cache
`,
    "logger.conf": `[logfiles]
full => notice,warning,error,verbose(3),fax
`,
    "modules.conf": `#include shipped/modules.conf
[modules](+)
load = app_playtones.so
`,
    "manager.conf": `#include shipped/manager.conf
[general](+)
bindaddr = 127.0.0.1
port = ${ports.ami}
[faxbot](+)
secret = ${secrets.ami}
[lab]
secret = ${secrets.lab}
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255
read = system,call,user
write = all
`,
    "rtp.conf": `[general]
rtpstart = ${ports.rtp[0]}
rtpend = ${ports.rtp[1]}
`,
    "udptl.conf": `#include shipped/udptl.conf
[general](+)
udptlstart = ${ports.udptl[0]}
udptlend = ${ports.udptl[1]}
`,
    "res_fax.conf": "#include shipped/res_fax.conf\n",
    "pjsip.conf": pjsip(ports),
    "extensions.conf": `#include shipped/extensions.conf
[globals](+)
FAXBOT_URL = ${inboundUrl}
FAXBOT_TOKEN = ${secrets.inbound}
FAX_IN_DIR = ${spoolIn}

; A caller who is not the library, and chooses his own texts; STATION is URI-encoded.
[lab-stranger]
exten => send,1,Set(FAXOPT(localstationid)=\${URIDECODE(\${STATION})})
 same => n,SendFAX(\${FILE},zfs)
 same => n,Hangup()

[fax-inbound](+)
${Object.values(outcomes(spoolIn)).join("")}`,
  };
}

/** The shipped trunk, led back to where it comes from; and one more, to the same place, that refuses T.38. */
function pjsip(ports: LabPorts): string {
  const here = `sip:127.0.0.1:${ports.sip}`;
  return `#include shipped/pjsip.conf
[transport-udp](+)
bind = 127.0.0.1:${ports.sip}
[trunk](+type=endpoint)
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
t38_bind_udptl_to_media_address = yes
[trunk](+type=aor)
contact = ${here}

[trunk-audio]
type = endpoint
transport = transport-udp
context = fax-inbound
disallow = all
allow = ulaw
direct_media = no
aors = trunk-audio
media_address = 127.0.0.1
bind_rtp_to_media_address = yes
t38_udptl = no
[trunk-audio]
type = aor
contact = ${here}
`;
}

/** The dialplan of each number. What it refuses, it refuses with a cause of ITU-T Q.850. */
function outcomes(spoolIn: string): Record<keyof typeof labNumbers, string> {
  const at = (name: keyof typeof labNumbers, ...steps: string[]) =>
    `exten => ${labNumbers[name]},1,${steps.join("\n same => n,")}\n`;
  return {
    busy: at("busy", "Hangup(17)"),
    congested: at("congested", "Hangup(34)"),
    rejected: at("rejected", "Hangup(21)"),
    wrong: at("wrong", "Hangup(1)"),
    noAnswer: at("noAnswer", "Ringing()", "Wait(300)"),
    ringing: at("ringing", "Ringing()", "Wait(300)"),
    silent: at("silent", "Answer()", "Wait(300)"),
    voice: at("voice", "Answer()", "Playtones(350+440)", "Wait(300)"),
    forger: at(
      "forger",
      "Answer()",
      `Set(FAXOPT(localstationid)=\${URIDECODE(${encodeURIComponent("\r\n\r\nEvent: X\r\nA: b")})})`,
      `ReceiveFAX(${spoolIn}/forger,fs)`,
      "Hangup()",
    ),
    cut: at("cut", "Answer()", "Set(TIMEOUT(absolute)=12)", `ReceiveFAX(${spoolIn}/cut,fs)`, "Hangup()"),
  };
}

const gnuTriplet = () => `${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
