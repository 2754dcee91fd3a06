import { BlockList, isIPv4, isIPv6 } from "node:net";

/**
 * IPv4 addresses that are not, or not only, of the public Internet: the IANA registry of special-purpose addresses
 * (RFC 6890 and later), multicast (RFC 5771), and one address that a cloud uses for its own machines.
 */
const specialIpv4 = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
  // Azure's wire server: answers on every virtual machine there, with what is meant for that machine alone.
  ["168.63.129.16", 32],
] as const) {
  specialIpv4.addSubnet(network, prefix, "ipv4");
}

/** Global unicast (RFC 4291); everything else of IPv6, mapped IPv4 included, is local or special. */
const globalIpv6 = new BlockList();
globalIpv6.addSubnet("2000::", 3, "ipv6");

/** What the IANA registry sets aside inside of global unicast, tunnels that can carry any IPv4 address among it. */
const specialIpv6 = new BlockList();
for (const [network, prefix] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const) {
  specialIpv6.addSubnet(network, prefix, "ipv6");
}

/** RFC 6052: what networks without IPv4 call an IPv4 address. It is as public as the one inside. */
const translated = /^\[64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})?\]$/;

/**
 * Tells whether an IP address is one of the public Internet, and not of this machine, its networks, its cloud or one
 * that leads there.
 *
 * @param address an IP address as a resolver gives it; anything else is not public
 * @example
 * isPublicAddress("127.0.0.1"); // false
 * isPublicAddress("::ffff:10.0.0.1"); // false
 * isPublicAddress("2606:4700::1111"); // true
 */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !specialIpv4.check(address, "ipv4");
  // A zone makes sense on a local link only.
  if (!isIPv6(address) || address.includes("%")) return false;
  const inside = translated.exec(new URL(`http://[${address}]`).hostname);
  if (inside) {
    const [high, low] = [inside[1], inside[2]].map((group) => Number.parseInt(group ?? "0", 16)) as [
      number,
      number,
    ];
    return isPublicAddress([high >> 8, high & 255, low >> 8, low & 255].join("."));
  }
  return globalIpv6.check(address, "ipv6") && !specialIpv6.check(address, "ipv6");
}
