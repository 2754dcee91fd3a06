import { randomUUID } from "node:crypto";
import { createSocket } from "node:dgram";

/**
 * Sends one INVITE as a stranger's telephone would, and never acknowledges what comes back.
 *
 * @param call `user` and `name` are put into From as they are, `to` into the request's URI
 * @returns the status codes that came within a second
 */
export async function inviteByHand(
  sipPort: number,
  call: { user: string; name: string; to: string },
): Promise<number[]> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  const codes: number[] = [];
  socket.on("message", (message) => {
    codes.push(Number(/^SIP\/2\.0 (\d{3})/.exec(message.toString("latin1"))?.[1]));
  });
  const sdp = [
    "v=0",
    "o=- 1 1 IN IP4 127.0.0.1",
    "s=-",
    "c=IN IP4 127.0.0.1",
    "t=0 0",
    `m=audio ${port} RTP/AVP 0`,
    "",
  ].join("\r\n");
  const invite = [
    `INVITE sip:${call.to}@127.0.0.1:${sipPort} SIP/2.0`,
    `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${randomUUID()};rport`,
    "Max-Forwards: 70",
    `From: "${call.name}" <sip:${call.user}@127.0.0.1:${port}>;tag=${randomUUID()}`,
    `To: <sip:${call.to}@127.0.0.1:${sipPort}>`,
    `Call-ID: ${randomUUID()}`,
    "CSeq: 1 INVITE",
    `Contact: <sip:stranger@127.0.0.1:${port}>`,
    "Content-Type: application/sdp",
    `Content-Length: ${sdp.length}`,
    "",
    sdp,
  ].join("\r\n");
  await new Promise<void>((resolve, reject) =>
    socket.send(invite, sipPort, "127.0.0.1", (error) => (error ? reject(error) : resolve())),
  );
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await new Promise<void>((resolve) => socket.close(resolve));
  return codes;
}
