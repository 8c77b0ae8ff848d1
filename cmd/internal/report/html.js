// Zoom and values of the charts. Everything is on the page without this: it moves what is there, and asks for nothing.
// Nothing here may hold an ampersand or a less-than sign: the page is well-formed XML as well.
(function () {
  "use strict";
  var svgNS = "http://www.w3.org/2000/svg";
  var places = ["x", "x1", "x2", "cx"];
  var steps = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];
  var least = 30; // seconds: a narrower part of the axis shows nothing

  function clamp(v) { return Math.min(Math.max(v, 0), 1); }
  function make(tag, name, parent) {
    var e = document.createElement(tag);
    e.className = name;
    parent.appendChild(e);
    return e;
  }
  function two(n) { return String(n).padStart(2, "0"); }
  function spoken(seconds, step) {
    var d = new Date(seconds * 1000);
    var day = two(d.getUTCMonth() + 1) + "-" + two(d.getUTCDate());
    if (step >= 86400) { return day; }
    return day + " " + two(d.getUTCHours()) + ":" + two(d.getUTCMinutes());
  }

  function chart(figure) {
    var plot = figure.querySelector(".plot"), svg = plot.querySelector("svg");
    var from = Number(figure.dataset.from), to = Number(figure.dataset.to);
    var a = 0, b = 1; // the part of the axis that is shown
    var boxes = svg.querySelectorAll("svg"), bottom = Number(figure.dataset.bottom);
    var moving = Array.from(svg.querySelectorAll(".t")).map(function (e) {
      var at = {};
      places.concat("width").forEach(function (n) {
        if (e.hasAttribute(n)) { at[n] = parseFloat(e.getAttribute(n)) / 100; }
      });
      return { e: e, at: at };
    });
    var written = svg.querySelectorAll(".tick"), drawn = [];
    var lanes = Array.from(svg.querySelectorAll(".hits")).map(function (lane) {
      return Array.from(lane.querySelectorAll(".hit")).map(function (h) {
        var title = h.querySelector("title"), text = title.textContent;
        title.remove(); // the values are told by the box below
        var x = parseFloat(h.getAttribute("x")) / 100;
        return { from: x, to: x + parseFloat(h.getAttribute("width")) / 100, lines: text.split("\n") };
      });
    });

    var tools = document.createElement("div");
    tools.className = "tools";
    figure.insertBefore(tools, plot);
    var cursor = make("div", "cursor", plot), chosen = make("div", "chosen", plot), box = make("div", "values", plot);
    function tool(text, label, act) {
      var t = make("button", "", tools);
      t.type = "button";
      t.textContent = text;
      t.setAttribute("aria-label", label);
      t.addEventListener("click", act);
      return t;
    }
    function around(factor) {
      var middle = (a + b) / 2, half = (b - a) * factor / 2;
      show(middle - half, middle + half);
    }
    tool("+", "zoom in", function () { around(0.5); });
    tool("\u2212", "zoom out", function () { around(2); });
    var whole = tool("whole", "show the whole time", function () { show(0, 1); });

    function show(left, right) {
      left = clamp(left);
      right = clamp(right);
      if (least > (right - left) * (to - from)) { return; }
      a = left;
      b = right;
      draw();
    }
    function draw() {
      whole.disabled = a === 0 ? b === 1 : false;
      boxes.forEach(function (s) { s.setAttribute("viewBox", (1000 * a) + " 0 " + (1000 * (b - a)) + " 100"); });
      moving.forEach(function (m) {
        function seen(x) { return (x - a) / (b - a); }
        var hidden = false;
        if ("width" in m.at) {
          var l = seen(m.at.x), r = seen(m.at.x + m.at.width);
          hidden = 0 > r ? true : l > 1;
          m.e.setAttribute("x", 100 * clamp(l) + "%");
          m.e.setAttribute("width", 100 * (clamp(r) - clamp(l)) + "%");
        } else {
          places.forEach(function (n) {
            if (!(n in m.at)) { return; }
            var x = seen(m.at[n]);
            if (m.e.classList.contains("says")) { x = clamp(x); } else if (x > 1.0001) { hidden = true; } else if (-0.0001 > x) { hidden = true; }
            m.e.setAttribute(n, 100 * x + "%");
          });
        }
        m.e.style.display = hidden ? "none" : "";
      });
      svg.querySelectorAll(".bar").forEach(function (g) { // a bar's words go where the bar goes
        g.style.display = g.querySelector("rect").style.display;
      });
      ticks();
    }
    function ticks() {
      drawn.forEach(function (e) { e.remove(); });
      drawn = [];
      var all = a === 0 ? b === 1 : false;
      written.forEach(function (e) { e.style.display = all ? "" : "none"; });
      if (all) { return; }
      var first = from + a * (to - from), last = from + b * (to - from);
      var room = Math.max(2, Math.floor(svg.clientWidth / 110)), step = steps[steps.length - 1];
      for (var i = steps.length - 1; i >= 0; i--) {
        if (room >= (last - first) / steps[i]) { step = steps[i]; }
      }
      for (var t = Math.ceil(first / step) * step; last >= t; t += step) {
        var x = 100 * (t - first) / (last - first) + "%";
        var line = document.createElementNS(svgNS, "line"), text = document.createElementNS(svgNS, "text");
        line.setAttribute("class", "grid v");
        line.setAttribute("x1", x);
        line.setAttribute("x2", x);
        line.setAttribute("y1", 0);
        line.setAttribute("y2", bottom);
        text.setAttribute("x", x);
        text.setAttribute("y", bottom + 14);
        text.setAttribute("text-anchor", "middle");
        text.textContent = spoken(t, step);
        svg.insertBefore(line, svg.firstChild);
        svg.appendChild(text);
        drawn.push(line, text);
      }
    }

    function share(event) {
      var r = svg.getBoundingClientRect();
      return clamp((event.clientX - r.left) / r.width);
    }
    function values(event) {
      var x = share(event), at = a + x * (b - a), says = [], when = "";
      lanes.forEach(function (lane) {
        var best = null;
        lane.forEach(function (h) { if (at >= h.from) { if (h.to >= at) { best = h; } } });
        if (!best) { return; }
        if (best.lines[0] !== when) { says.push({ text: best.lines[0], head: true }); }
        when = best.lines[0];
        best.lines.slice(1).forEach(function (l) { says.push({ text: l, head: false }); });
      });
      cursor.style.left = 100 * x + "%";
      cursor.style.display = "block";
      box.textContent = "";
      says.forEach(function (s) { make("div", s.head ? "head" : "", box).textContent = s.text; });
      box.style.display = says.length > 0 ? "block" : "none";
      box.style.left = x > 0.5 ? "auto" : "calc(" + 100 * x + "% + 10px)";
      box.style.right = x > 0.5 ? "calc(" + 100 * (1 - x) + "% + 10px)" : "auto";
    }
    function leave() {
      cursor.style.display = "none";
      box.style.display = "none";
    }
    var start = null;
    plot.addEventListener("pointerdown", function (e) {
      if (e.button !== 0) { return; }
      start = share(e);
      plot.setPointerCapture(e.pointerId);
    });
    plot.addEventListener("pointermove", function (e) {
      values(e);
      if (start === null) { return; }
      var x = share(e);
      chosen.style.left = 100 * Math.min(start, x) + "%";
      chosen.style.width = 100 * Math.abs(x - start) + "%";
      chosen.style.display = "block";
    });
    plot.addEventListener("pointerup", function (e) {
      var x = share(e), s = start;
      start = null;
      chosen.style.display = "none";
      if (s === null) { return; }
      if (Math.abs(x - s) > 0.01) { show(a + Math.min(s, x) * (b - a), a + Math.max(s, x) * (b - a)); }
    });
    plot.addEventListener("pointercancel", function () { start = null; chosen.style.display = "none"; });
    plot.addEventListener("pointerleave", leave);
    plot.addEventListener("dblclick", function () { show(0, 1); });
    window.addEventListener("beforeprint", function () { show(0, 1); leave(); });
    draw();
  }

  document.documentElement.classList.add("js");
  document.querySelectorAll("figure[data-from]").forEach(chart);
})();
