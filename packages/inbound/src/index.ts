export { createInbox, type InboxOptions } from "./create-inbox.ts";
