// fetch with the two things that a browser adds: it keeps cookies and sends the page's Origin.

const EXPIRED = /;\s*max-age=0(;|$)/i;

// Debian's Node 18 has no getSetCookie() and joins the lines by commas. Our cookies have no date, so no other comma.
function setCookies(headers) {
  return headers.getSetCookie?.() ?? headers.get("set-cookie")?.split(/, (?=[^;=]+=)/) ?? [];
}

export function openBrowser(origin) {
  const cookies = new Map();

  function keep(line) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
    if (EXPIRED.test(line)) cookies.delete(name);
    else cookies.set(name, value);
  }

  const browser = {
    cookies,
    lastResponse: null,
    async fetch(resource, options = {}) {
      const headers = new Headers(options.headers);
      headers.set("origin", origin);
      if (cookies.size > 0) headers.set("cookie", Array.from(cookies, (pair) => pair.join("=")).join("; "));
      const response = await fetch(resource, { ...options, headers, redirect: "error" });
      setCookies(response.headers).forEach(keep);
      browser.lastResponse = response.clone();
      return response;
    },
  };
  return browser;
}
