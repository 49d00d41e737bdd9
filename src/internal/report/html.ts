import type * as Report from "../../Report.ts"
export const toHtml = (_report: Report.Any, _options: object): string => "<!doctype html>"
