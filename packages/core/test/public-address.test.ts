import { expect, test } from "vitest";
import { isPublicAddress } from "../src/transport/index.ts";
import { privateAddresses } from "./private-addresses.ts";

test.each(privateAddresses)("%s is not public", (address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each([
  "1.1.1.1",
  "8.8.8.8",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "128.0.0.0",
  "168.63.129.17",
  "172.15.255.255",
  "172.32.0.0",
  "192.167.255.255",
  "192.169.0.0",
  "198.17.255.255",
  "198.20.0.0",
  "223.255.255.255",
  "2606:4700::1111",
  "2001:200::1",
  "2a00:1450:4001:82a::200e",
  "64:ff9b::8.8.8.8",
])("%s is public", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test.each([
  "",
  "localhost",
  "0x7f.1",
  "2130706433",
  "127.1",
  "1.1.1",
  "1.1.1.1.1",
  "[::1]",
  "::1 ",
  "1.1.1.1%0",
])("%j is no address, and so not public", (text) => {
  expect(isPublicAddress(text)).toBe(false);
});
