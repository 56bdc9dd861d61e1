/** What do_check says of an extension. */
import { html, type Markup } from "@tsbake/base/page";
import type { CheckReport, Finding } from "../check/finding.js";

/** @returns nothing for an image that nobody checks: a base */
export function findingsSection({
  check,
  extension,
}: {
  readonly check?: CheckReport | undefined;
  readonly extension?: object | undefined;
}): Markup | undefined {
  if (extension === undefined) return undefined;
  if (check === undefined) return html`<p>Nobody looked: SYSEXT_CHECK is off.</p>`;
  const { findings, allowed, base } = check;
  return html`${
    findings.length === 0
      ? html`<p class="good">Nothing was found that would not work on ${base}.</p>`
      : html`<ul class="findings">
          ${findings.map(item)}
        </ul>`
  }
  ${
    allowed.length > 0 &&
    html`<details>
      <summary>${allowed.length} allowed by SYSEXT_CHECK_ALLOW</summary>
      <ul class="findings">
        ${allowed.map(item)}
      </ul>
    </details>`
  }`;
}

function item({ code, severity, path, package: owner, message, help }: Finding): Markup {
  const kind = severity === "error" ? "bad" : "warn";
  return html`<li class="${kind}-edge">
    <p><b class="${kind}">${severity}: ${code}</b></p>
    <p><code>${path}</code>${owner !== undefined && html` <span class="soft">of ${owner}</span>`}</p>
    <p>${message}</p>
    <p class="soft">${help}</p>
  </li> `;
}
