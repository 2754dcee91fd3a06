import { z } from "zod";
import type { EmulatorRequest, EmulatorResponse, EmulatorRoute } from "../emulator-server.ts";
import type { FieldViolation } from "./sinch-emulator-error.ts";
import { newUlid } from "./sinch-emulator-fax.ts";
import { pageOf } from "./sinch-emulator-page.ts";
import { violationsOf } from "./sinch-emulator-validation.ts";

const serviceChanges = z.strictObject({
  name: z.string().max(60).optional(),
  incomingWebhookUrl: z.string().optional(),
  webhookContentType: z.enum(["multipart/form-data", "application/json"]).optional(),
  defaultForProject: z.boolean().optional(),
  defaultFrom: z.string().optional(),
  numberOfRetries: z.number().int().min(0).max(5).optional(),
  retryDelaySeconds: z.number().int().min(30).max(300).optional(),
  imageConversionMethod: z.enum(["HALFTONE", "MONOCHROME"]).optional(),
  coverPageId: z.string().optional(),
  saveOutboundFaxDocuments: z.boolean().optional(),
  saveInboundFaxDocuments: z.boolean().optional(),
  scanIncomingBarcodes: z.boolean().optional(),
  inProgressNotifications: z.boolean().optional(),
  resolution: z.enum(["FINE", "SUPERFINE"]).optional(),
});

/** The defaults of the vendor's schema `Service`. */
const serviceDefaults = {
  name: "",
  webhookContentType: "multipart/form-data",
  defaultForProject: false,
  numberOfRetries: 3,
  retryDelaySeconds: 60,
  imageConversionMethod: "HALFTONE",
  saveOutboundFaxDocuments: true,
  saveInboundFaxDocuments: true,
  scanIncomingBarcodes: false,
  inProgressNotifications: false,
} as const;

const coverPageBody = z.strictObject({
  name: z.string().min(1),
  file: z.strictObject({ fileContent: z.base64().min(1), fileType: z.literal("PDF") }),
});

const suspendBody = z.strictObject({ suspended: z.boolean().optional(), note: z.string().optional() });

/** What may be set of a Sinch service. */
export type SinchServiceChanges = z.output<typeof serviceChanges>;

/** A Sinch service: a group of settings and numbers. */
export interface SinchService extends SinchServiceChanges {
  id: string;
  name: string;
  webhookContentType: "multipart/form-data" | "application/json";
  numberOfRetries: number;
  retryDelaySeconds: number;
  saveOutboundFaxDocuments: boolean;
  saveInboundFaxDocuments: boolean;
  projectId: string;
  createdAt: string;
  updatedAt: string;
}

/** The operations under `/services`. */
export type SinchServiceOperation =
  | "createService"
  | "listServices"
  | "getService"
  | "updateService"
  | "deleteService"
  | "listNumbers"
  | "suspendNumber"
  | "createCoverPage"
  | "listCoverPages"
  | "getCoverPage"
  | "deleteCoverPage";

interface CoverPage {
  id: string;
  name: string;
  file: { fileContent: string; fileType: string };
  projectId: string;
  serviceId: string;
  createdTime: string;
  updatedTime: string;
}

/** The services of the emulated project. */
export interface SinchServices {
  /** The service with this id, or the project's default one. */
  find(id: string | undefined): SinchService | undefined;
  update(id: string, changes: SinchServiceChanges): SinchService;
  hasCoverPage(serviceId: string, coverPageId: string): boolean;
  readonly routes: readonly EmulatorRoute<SinchServiceOperation>[];
  reset(): void;
}

/** Makes the services, with one default service that holds the given numbers. */
export function sinchServices(options: {
  projectId: string;
  serviceId: string;
  numbers: readonly string[];
  defaultFrom: string;
  refuse: (status: number, message?: string, violations?: FieldViolation[]) => EmulatorResponse;
}): SinchServices {
  const { projectId, refuse } = options;
  const services = new Map<string, SinchService>();
  const coverPages = new Map<string, CoverPage>();
  const suspended = new Map<string, { suspended: boolean; note?: string }>();

  const create = (changes: SinchServiceChanges, id = newUlid()): SinchService => {
    const now = new Date().toISOString();
    const service: SinchService = Object.assign({ ...serviceDefaults }, changes, {
      id,
      projectId,
      createdAt: now,
      updatedAt: now,
    });
    services.set(id, service);
    return service;
  };
  const reset = (): void => {
    services.clear();
    coverPages.clear();
    suspended.clear();
    create({ name: "Default", defaultForProject: true, defaultFrom: options.defaultFrom }, options.serviceId);
  };
  reset();

  const update = (id: string, changes: SinchServiceChanges): SinchService => {
    const service = services.get(id);
    if (!service) throw new RangeError("no such service");
    return Object.assign(service, changes, { updatedAt: new Date().toISOString() });
  };
  const numberOf = (serviceId: string, phoneNumber: string) => ({
    phoneNumber,
    permissions: "both",
    country: "US",
    suspended: false,
    ...suspended.get(phoneNumber),
    projectId,
    serviceId,
  });
  const numbersOf = (serviceId: string) => (serviceId === options.serviceId ? options.numbers : []);

  const parse = <T>(request: EmulatorRequest, schema: z.ZodType<T>): T | EmulatorResponse => {
    let json: unknown;
    try {
      json = JSON.parse(request.body.toString());
    } catch {
      return refuse(400, "The body is not JSON");
    }
    const parsed = schema.safeParse(json);
    return parsed.success ? parsed.data : refuse(422, undefined, parsed.error.issues.flatMap(violationsOf));
  };
  /** Runs a handler with the path's service, or answers 404. */
  const withService =
    (handle: (service: SinchService, request: EmulatorRequest) => EmulatorResponse) =>
    (request: EmulatorRequest): EmulatorResponse => {
      const service = services.get(request.params.id ?? "");
      return service ? handle(service, request) : refuse(404, "No such service");
    };
  const ok = (body: object): EmulatorResponse => ({ status: 200, body: { ...body } });
  const base = "/v3/projects/{projectId}/services";

  const routes: EmulatorRoute<SinchServiceOperation>[] = [
    {
      operation: "createService",
      method: "POST",
      path: base,
      handle(request) {
        const body = parse(request, serviceChanges);
        return "status" in body ? body : { status: 201, body: { ...create(body) } };
      },
    },
    {
      operation: "listServices",
      method: "GET",
      path: base,
      handle: (request) => pageOf(request, "services", [...services.values()], 20, refuse),
    },
    {
      operation: "getService",
      method: "GET",
      path: `${base}/{id}`,
      handle: withService((service) => ok(service)),
    },
    {
      operation: "updateService",
      method: "PATCH",
      path: `${base}/{id}`,
      handle: withService((service, request) => {
        const body = parse(request, serviceChanges);
        return "status" in body ? body : ok(update(service.id, body));
      }),
    },
    {
      operation: "deleteService",
      method: "DELETE",
      path: `${base}/{id}`,
      handle: withService((service) => {
        services.delete(service.id);
        return { status: 204 };
      }),
    },
    {
      operation: "listNumbers",
      method: "GET",
      path: `${base}/{id}/numbers`,
      handle: withService(({ id }, request) => {
        const numbers = numbersOf(id).map((number) => numberOf(id, number));
        return pageOf(request, "numbers", numbers, 20, refuse);
      }),
    },
    {
      operation: "suspendNumber",
      method: "PATCH",
      path: `${base}/{id}/numbers/{phoneNumber}/suspend`,
      handle: withService(({ id }, request) => {
        const number = request.params.phoneNumber ?? "";
        if (!numbersOf(id).includes(number)) return refuse(404, "No such number");
        const body = parse(request, suspendBody);
        if ("status" in body) return body;
        suspended.set(number, {
          suspended: body.suspended ?? true,
          ...(body.note ? { note: body.note } : {}),
        });
        return ok(numberOf(id, number));
      }),
    },
    {
      operation: "createCoverPage",
      method: "POST",
      path: `${base}/{id}/coverPages`,
      handle: withService(({ id: serviceId }, request) => {
        const body = parse(request, coverPageBody);
        if ("status" in body) return body;
        const now = new Date().toISOString();
        const page: CoverPage = {
          id: newUlid(),
          name: body.name,
          // The vendor's SDK fixtures answer a media type where the request has a file type.
          file: { fileContent: body.file.fileContent, fileType: "application/pdf" },
          projectId,
          serviceId,
          createdTime: now,
          updatedTime: now,
        };
        coverPages.set(page.id, page);
        return ok(page);
      }),
    },
    {
      operation: "listCoverPages",
      method: "GET",
      path: `${base}/{id}/coverPages`,
      handle: withService(({ id }, request) => {
        const pages = [...coverPages.values()].filter((page) => page.serviceId === id);
        return pageOf(request, "coverPages", pages, 20, refuse);
      }),
    },
    {
      operation: "getCoverPage",
      method: "GET",
      path: `${base}/{id}/coverPages/{coverPageId}`,
      handle: withService((_service, request) => {
        const page = coverPages.get(request.params.coverPageId ?? "");
        return page ? ok(page) : refuse(404, "No such cover page");
      }),
    },
    {
      operation: "deleteCoverPage",
      method: "DELETE",
      path: `${base}/{id}/coverPages/{coverPageId}`,
      handle: withService((_service, request) =>
        coverPages.delete(request.params.coverPageId ?? "")
          ? { status: 204 }
          : refuse(404, "No such cover page"),
      ),
    },
  ];

  return {
    find: (id) =>
      id === undefined
        ? [...services.values()].find((service) => service.defaultForProject)
        : services.get(id),
    update,
    hasCoverPage: (serviceId, coverPageId) => coverPages.get(coverPageId)?.serviceId === serviceId,
    routes,
    reset,
  };
}
